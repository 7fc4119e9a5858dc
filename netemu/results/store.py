"""Where a run's directory lies, and how it comes to be: under a name of its own, complete or marked as partial.

A directory is made as ``<UTC time>-<plan hash>.<random>.partial`` and renamed when the run is finished, so that whatever
kills a run never leaves something that looks like a result. The random part lets a guard watch over the name before
there is a directory. ``netemu clean`` removes what is partial and has no owner.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.recording.layout import Recording

PARTIAL = ".partial"
_UNFINISHED = re.compile(r"(.+?)(?:\.[0-9a-f]{8})?\.partial$")
OWNER = "owner.pid"
MINIMUM_FREE_BYTES = 256 * 2**20


def begin(results: Path, experiment: str, digest: str) -> Recording:
    """A new, empty directory for a run of ``experiment``, owned by this process: :func:`place` and :func:`make`."""
    recording = place(results, experiment, digest)
    make(recording)
    return recording


def place(results: Path, experiment: str, digest: str) -> Recording:
    """Where a run of ``experiment`` will be while it is unfinished; nothing is made.

    :raises MissingCapability: the disk has less than 256 MiB free.
    """
    parent = results / experiment
    # Asked of what is there already, so that a refusal leaves no empty directories.
    free = shutil.disk_usage(next(place for place in (parent, *parent.absolute().parents) if place.exists())).free
    if free < MINIMUM_FREE_BYTES:
        raise MissingCapability(
            f"--out {results}: {free // 2**20} MiB free, a run needs at least {MINIMUM_FREE_BYTES // 2**20} MiB;"
            " free some space or name another place"
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Recording(parent.resolve() / f"{stamp}-{digest}.{secrets.token_hex(4)}{PARTIAL}")


def make(recording: Recording) -> None:
    """Make the directory of :func:`place`.

    :raises BadInput: the place is not a directory or cannot be written to.
    """
    try:
        recording.root.mkdir(parents=True)
        (recording.root / OWNER).write_text(f"{os.getpid()}\n")
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})"
        results = recording.root.parent.parent
        raise BadInput(f"--out {results}: cannot make a run directory there: {reason}") from error


def finished_name(partial: str) -> str | None:
    """The name that an unfinished run's directory will have, or ``-2``, ``-3`` behind it; None for other names."""
    found = _UNFINISHED.match(partial)
    return None if found is None else found[1]


def finish(recording: Recording) -> Recording:
    """Give a finished run its final name, the first that is free; returns the Recording there."""
    name = finished_name(recording.root.name)
    assert name is not None, recording.root
    (recording.root / OWNER).unlink()
    for number in itertools.count(1):
        final = recording.root.with_name(name if number == 1 else f"{name}-{number}")
        try:
            recording.root.rename(final)
        except OSError as error:  # rename(2): a directory takes the place of none but an empty one
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return Recording(final)
    raise AssertionError("numbers do not end")


def discard(recording: Recording) -> None:
    """Remove a run that came to nothing, if its guard has not yet, and the experiment's directory if it is empty."""
    if recording.root.exists():
        shutil.rmtree(recording.root)
    parent = recording.root.parent
    if parent.exists() and not any(parent.iterdir()):
        parent.rmdir()
