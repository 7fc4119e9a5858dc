"""A capture with netemu's verdicts as packet comments, for Wireshark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from netemu.errors import BadInput
from netemu.recording.tables import RETRANSMISSIONS
from netemu.trace.analysis import analyze
from netemu.trace.chunk_rows import icmp_frame
from netemu.trace.column import frame_of
from netemu.trace.engine import Reader
from netemu.trace.packets import packets_frame
from netemu.trace.retransmissions import retransmissions_in
from netemu.trace.show.comments import comments_of, icmp_comments
from netemu.trace.show.copy import Copier
from netemu.trace.show.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Annotated:
    """What :func:`annotate` wrote."""

    packets: int
    comments: int
    without_place: int
    partial: bool


def annotate(path: Path, out: Path, selection: Selection = EVERYTHING, *, inner: bool = False) -> Annotated:
    """Write ``path`` to the pcapng file ``out``, each packet with a verdict beside plain data commented on it.

    With a ``selection``, only the packets that it shows are written; ``inner`` is as in
    :func:`~netemu.trace.analysis.analyze`. Both files pass through a chunk at a time. A
    damaged file is copied as far as it is analysed. Raises
    :class:`~netemu.errors.BadInput` for what is no capture, and for an ``out`` that cannot be written.
    """
    if out.exists() and path.exists() and out.samefile(path):
        raise BadInput(f"--annotate: {out}: is the capture itself; give another name")
    part = out.with_name(out.name + ".part")
    try:
        found = _write(path, part, selection, inner)
        part.replace(out)
    except OSError as error:
        raise BadInput(f"--annotate: {out}: {error.strerror or error}; give a file that can be written") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def _write(path: Path, part: Path, selection: Selection, inner: bool) -> Annotated:
    chosen, origin_ns = _chosen(path, selection, inner)
    reader = Reader(path, inner)
    chunks = reader.chunks()
    chunk = next(chunks, None)  # what is no capture ends here, before anything is written
    with part.open("wb") as file:
        copier = Copier(path, file)
        while chunk is not None:
            packets = packets_frame(chunk, origin_ns)
            frames = range(chunk.first_row + 1, chunk.first_row + 1 + packets.height)
            again = frame_of(retransmissions_in(reader, frames, origin_ns), RETRANSMISSIONS)
            comments = comments_of(packets, again)
            comments |= icmp_comments(icmp_frame(reader, chunk, origin_ns))
            left_out: frozenset[int] = frozenset()
            if selection:
                hidden = packets.filter(~selection.predicate(packets.columns, chosen))
                left_out = frozenset(hidden["frame"].to_list())
            copier.copy_to(frames[-1], comments, left_out)
            chunk = next(chunks, None)
        if reader.fault is None:
            copier.finish()
    return Annotated(copier.written, copier.commented, copier.without_place, reader.fault is not None)


def _chosen(path: Path, selection: Selection, inner: bool) -> tuple[pl.DataFrame, int]:
    """The connections that ``selection`` picks, and where it counts time from."""
    if not selection:
        return pl.DataFrame(), 0
    connections = analyze(path, keep_packets=False, inner=inner).connections
    return selection.chosen(connections.lazy()), Reader(path).first_time_ns() or 0
