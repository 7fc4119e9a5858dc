"""What is worth a look in an analysis, the worst first: what went wrong, how often, and what that means."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from netemu.recording.tables import RETRANSMISSION_KINDS
from netemu.trace.clamped import clamped_mss
from netemu.trace.ends_path import candidates
from netemu.trace.show.result import Analysis
from netemu.trace.show.rows import batches_of
from netemu.trace.show.words import counted, format_share, times
from netemu.trace.translated import translated

WHY = {
    "no_answer": "the other end, or the path to or from it, is silent",
    "refused": "nothing listens there, or a firewall says so",
    "black_hole": "a link is too small, and the ICMP error that says so never arrives; tcp_mtu_probing gets around it",
    "timeout": "the sender waited for its timer each time",
    "zero_window": "its application did not read, and the sender had to wait",
    "spurious": "the bytes had arrived: reordering or late ACKs looked like loss",
    "fast": "the receiver reported them missing, or a router too large",
    "untold": "one direction alone does not tell what made the sender send again",
    "path_mtu": "a router's link is smaller than the sender believed",
    "one_sided": "figures that need both directions are missing",
    "out_of_order": "the network reordered packets",
    "reset": "it gave up, or closed without reading what had come",
    "clamped_mss": "a router on the way lowers the option, so that segments fit a link beyond it",
    "keepalive": "the connection was idle",
    "translated": "a router on the way gives it another address or port (NAT); both initial sequence numbers stay",
    "not_matched": "they ran at the same time: were addresses and sequence numbers changed on the way?",
}
"""Every kind of finding, the worst first, with what it means."""


_RESETS = {"reset_by_client": "client", "reset_by_server": "server"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth a look: ``kind`` is a key of :data:`WHY`, ``side`` who did or suffered it."""

    kind: str
    capture: str
    connection: int
    side: str
    count: int
    text: str


_OF_A_SIDE = (
    *("packets", "data_segments", "retransmitted_segments", "spurious_retransmits", "zero_windows", "window_probes"),
    *("out_of_order_segments", "keepalives"),
    *(f"retransmits_{name}" for name in RETRANSMISSION_KINDS),
)
_LOOKED_AT = ("capture", "connection", "end", *(side + name for side in ("a_", "b_") for name in _OF_A_SIDE))
_HELD = 1 << 16
"""Findings that are put in order at a time: a flood has millions of connections, and each has one."""
_RANK_BITS = 40
"""A finding's count takes fewer bits; its place in WHY stands above them in the number that orders findings."""


def findings_of(analysis: Analysis) -> Iterator[Finding]:
    """The findings of the connections that an analysis holds, the worst first; of millions few are held at a time."""
    return heapq.merge(_in_order(analysis), sorted(_beside_connections(analysis), key=_number), key=_number)


def _in_order(analysis: Analysis) -> Iterator[Finding]:
    """Those of connections: some ranks at a time, or one rank, whose findings have the connections' order."""
    connections, ranks = analysis.scan("connections"), _ranks()
    for low, high in _spans(connections, ranks):
        having = connections.filter(pl.any_horizontal(rank.is_between(low, high) for rank in ranks))
        rows = (row for batch in batches_of(having.select(_LOOKED_AT)) for row in batch.iter_rows(named=True))
        found = (one for row in rows for one in _of_connection(row) if low <= _number(one) <= high)
        yield from found if low == high else sorted(found, key=_number)


def _spans(connections: pl.LazyFrame, ranks: list[pl.Expr]) -> Iterator[tuple[int, int]]:
    """The ranks that there are, from the least: spans of them that have :data:`_HELD` findings at most, or one rank."""
    told = connections.select(rank=pl.concat_list(ranks)).explode("rank").drop_nulls()
    first, last, held = 0, 0, 0
    for rank, count in told.group_by("rank").len().collect(engine="streaming").sort("rank").iter_rows():
        if held and held + count > _HELD:
            yield first, last
            held = 0
        first, last, held = first if held else rank, rank, held + count
    if held:
        yield first, last


def _number(one: Finding) -> int:
    """What :func:`_rank` gives for a finding."""
    return (list(WHY).index(one.kind) << _RANK_BITS) - one.count


def worst_of(analysis: Analysis, count: int) -> tuple[list[Finding], int]:
    """The first ``count`` of :func:`findings_of`, and how many there are; of the others no text is made.

    The worst of them belong to the connections whose worst are the worst.
    """
    connections, ranks = analysis.scan("connections"), _ranks()
    seen = connections.select(pl.sum_horizontal(rank.is_not_null() for rank in ranks).sum()).collect(engine="streaming")
    worst = connections.select(worst=pl.min_horizontal(ranks)).with_row_index().filter(pl.col("worst").is_not_null())
    chosen = worst.bottom_k(count, by=["worst", "index"]).collect(engine="streaming")["index"].sort()
    rows = _rows_at(connections, chosen)
    others = list(_beside_connections(analysis))
    found = [*(one for row in rows for one in _of_connection(row)), *others]
    return heapq.nsmallest(count, found, key=_number), int(seen.item() or 0) + len(others)


def _rows_at(connections: pl.LazyFrame, places: pl.Series) -> list[dict[str, Any]]:
    """The rows at these places, which are few and in order."""
    if places.is_empty():
        return []
    chosen = connections.select(_LOOKED_AT).with_row_index().filter(pl.col("index").is_in(places.implode()))
    return chosen.collect(engine="streaming").sort("index").drop("index").rows(named=True)


def _beside_connections(analysis: Analysis) -> Iterator[Finding]:
    yield from _of_icmp(analysis.icmp)
    yield from _of_black_holes(analysis.tables["path_mtu"])
    if analysis.has_several_captures:
        yield from _of_clamping(analysis.connections)
        yield from _of_translation(analysis.connections)
        if not analysis.selection:
            yield from _of_strangers(analysis.connections)


def _rank(kind: str, count: pl.Expr, told: pl.Expr) -> pl.Expr:
    """A number that orders findings of ``kind`` by kind and count; null where there is none."""
    return pl.when(told.fill_null(value=False)).then((list(WHY).index(kind) << _RANK_BITS) - count.cast(pl.Int64))


def _ranks() -> list[pl.Expr]:
    """The rank of each finding that :func:`_of_connection` may tell of a row."""
    a, b, end, one = pl.col("a_packets"), pl.col("b_packets"), pl.col("end").cast(pl.String), pl.lit(1)
    silent = (b == 0) & (pl.col("a_retransmits_syn") > 0).fill_null(value=False)
    found = [
        _rank("no_answer", pl.col("a_retransmits_syn"), silent),
        _rank("one_sided", a + b, ~silent & ((a == 0) | (b == 0))),
        _rank("refused", one, end == "refused"),
        _rank("reset", one, end.is_in(list(_RESETS))),
    ]
    for prefix in ("a_", "b_"):
        again, spurious = pl.col(prefix + "retransmitted_segments"), pl.col(prefix + "spurious_retransmits")
        needless = 2 * spurious > again
        waited = pl.any_horizontal(
            (pl.col(f"{prefix}retransmits_{name}") > 0).fill_null(value=False)
            for name in RETRANSMISSION_KINDS
            if name != "fast"
        )
        found += [
            _rank("untold", again, (again > 0) & spurious.is_null()),
            _rank("spurious", again, (again > 0) & needless),
            _rank("timeout", again, (again > 0) & ~needless & waited),
            _rank("fast", again, (again > 0) & ~needless & ~waited),
        ]
        for kind, name in (
            ("zero_window", "zero_windows"),
            ("out_of_order", "out_of_order_segments"),
            ("keepalive", "keepalives"),
        ):
            found.append(_rank(kind, pl.col(prefix + name), pl.col(prefix + name) > 0))
    return found


def _of_connection(row: dict[str, Any]) -> Iterator[Finding]:
    capture, number = row["capture"], row["connection"]

    def finding(kind: str, side: str, count: int, text: str) -> Finding:
        return Finding(kind, capture, number, side, count, text)

    if not row["b_packets"] and row["a_retransmits_syn"]:
        syns = counted(row["a_retransmits_syn"], "time")
        yield finding("no_answer", "client", row["a_retransmits_syn"], f"no answer to the SYN, sent again {syns}")
    elif not row["a_packets"] or not row["b_packets"]:
        side = "client" if row["a_packets"] else "server"
        yield finding("one_sided", side, row["a_packets"] + row["b_packets"], f"only the {side}'s packets are captured")
    if row["end"] == "refused":
        yield finding("refused", "server", 1, "a RST answered the SYN")
    elif row["end"] in _RESETS:
        side = _RESETS[row["end"]]
        yield finding("reset", side, 1, f"the {side} ended the connection by a RST")
    for prefix, side, other in (("a_", "client", "server"), ("b_", "server", "client")):
        again = row[prefix + "retransmitted_segments"]
        if again:
            kind = _worst_class(row, prefix)
            yield finding(kind, side, again, _again_text(row, prefix, side))
        if row[prefix + "zero_windows"]:
            closed = times(row[prefix + "zero_windows"])
            probes = row[("b_" if prefix == "a_" else "a_") + "window_probes"]
            asked = f", {counted(probes, 'probe')} from the {other}" if probes else ""
            text = f"the {side} closed its window {closed}{asked}"
            yield finding("zero_window", side, row[prefix + "zero_windows"], text)
        if row[prefix + "out_of_order_segments"]:
            late = row[prefix + "out_of_order_segments"]
            text = f"{counted(late, 'segment')} of the {side} came late, not lost"
            yield finding("out_of_order", side, late, text)
        if row[prefix + "keepalives"]:
            probes = row[prefix + "keepalives"]
            yield finding("keepalive", side, probes, f"the {side} sent {counted(probes, 'keepalive probe')}")


def _worst_class(row: dict[str, Any], prefix: str) -> str:
    if row[prefix + "spurious_retransmits"] is None:
        return "untold"
    if 2 * row[prefix + "spurious_retransmits"] > row[prefix + "retransmitted_segments"]:
        return "spurious"
    waited = [name for name in RETRANSMISSION_KINDS if name != "fast"]
    return "timeout" if any(row[f"{prefix}retransmits_{name}"] for name in waited) else "fast"


def again_classes(row: dict[str, Any], prefix: str) -> str:
    """``"8 fast, 1 timeout; 2 spurious"``: the retransmissions of one side by class."""
    if row[prefix + "spurious_retransmits"] is None:
        return "class not told"
    named = [(row[f"{prefix}retransmits_{name}"], name.replace("_", " ")) for name in RETRANSMISSION_KINDS]
    text = ", ".join(f"{count:,} {name}" for count, name in sorted(named, reverse=True) if count)
    spurious = row[prefix + "spurious_retransmits"]
    return f"{text}; {spurious:,} spurious" if spurious else text


def _again_text(row: dict[str, Any], prefix: str, side: str) -> str:
    again, packets = row[prefix + "retransmitted_segments"], row[prefix + "packets"]
    data = row[prefix + "data_segments"] or packets
    share = f" ({format_share(again, data)} of its data segments)" if again <= data else ""
    return f"the {side} sent {counted(again, 'segment')} again{share}: {again_classes(row, prefix)}"


def _of_icmp(icmp: pl.DataFrame) -> Iterator[Finding]:
    """One finding for each connection, side, router and MTU that was reported."""
    known = icmp.filter(pl.col("mtu_bytes").is_not_null())
    keys = ("capture", "connection", "direction", "reporter", "mtu_bytes")
    for row in known.group_by(*keys, maintain_order=True).agg(count=pl.len()).iter_rows(named=True):
        side = "server" if row["direction"] == 1 else "client"
        text = f"{row['reporter']} reported an MTU of {row['mtu_bytes']:,} bytes to the {side} {times(row['count'])}"
        yield Finding("path_mtu", row["capture"], row["connection"], side, row["count"], text)


def _of_black_holes(path_mtu: pl.DataFrame) -> Iterator[Finding]:
    """One finding for each direction whose full segments died in silence; its last row has the most timeouts."""
    silent = path_mtu.filter(pl.col("cause").cast(pl.String).is_in(["black_hole_suspected", "black_hole_probe"]))
    keys = ("capture", "connection", "direction")
    for row in (
        silent.group_by(*keys, maintain_order=True)
        .agg(pl.col("timeouts", "mtu_before_bytes").max())
        .iter_rows(named=True)
    ):
        side = "server" if row["direction"] == 1 else "client"
        count = row["timeouts"] or 1
        text = (
            f"packets of {row['mtu_before_bytes']:,} bytes of the {side} died in silence, {counted(count, 'timeout')}"
        )
        yield Finding("black_hole", row["capture"], row["connection"], side, count, text)


def _of_clamping(connections: pl.DataFrame) -> Iterator[Finding]:
    """One finding for each SYN that arrived with a smaller MSS than it left with; captures of both sides show it."""
    for row in clamped_mss(connections).iter_rows(named=True):
        side = "server" if row["direction"] == 1 else "client"
        text = (
            f"the {side}'s SYN announced an MSS of {row['announced_bytes']:,} bytes at {row['announced_capture']} and"
            f" {row['arrived_bytes']:,} at {row['arrived_capture']}"
        )
        yield Finding("clamped_mss", row["arrived_capture"], row["arrived_connection"], side, 1, text)


def _of_translation(connections: pl.DataFrame) -> Iterator[Finding]:
    """One finding for each capture beyond the first that shows a connection between other ends."""
    rows = translated(connections)
    for same in rows.partition_by("a_isn", "b_isn", maintain_order=True):
        first, *others = same.iter_rows(named=True)
        for row in others:
            if (row["client"], row["server"]) != (first["client"], first["server"]):
                side = "client" if row["client"] != first["client"] else "server"
                text = (
                    f"{first['client']} > {first['server']} at {first['capture']} is {row['client']} >"
                    f" {row['server']} at {row['capture']}"
                )
                yield Finding("translated", row["capture"], row["connection"], side, 1, text)


def _of_strangers(connections: pl.DataFrame) -> Iterator[Finding]:
    """One finding when captures ran at the same time and no connection is in two of them."""
    spans = connections.group_by("capture", maintain_order=True).agg(
        first=pl.col("start_ns").min(), last=(pl.col("start_ns") + pl.col("duration_ns")).max()
    )
    ordered = spans.sort("first").with_columns(before=pl.col("last").cum_max().shift(1))
    at_once = ordered.filter(pl.col("first") <= pl.col("before"))
    if at_once.height and candidates(connections).is_empty():
        text = f"no connection is in two of the {spans.height} captures, and nothing of them was joined"
        yield Finding("not_matched", at_once["capture"][0], -1, "", spans.height, text)
