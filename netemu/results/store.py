"""Where a run's directory lies, and how it comes to be: under a name of its own, complete or marked as partial.

A directory is made as ``<UTC time>-<plan hash>.partial`` and renamed when the run is finished, so that whatever kills
a run never leaves something that looks like a result. ``netemu clean`` removes what is partial and has no owner.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.recording.layout import Recording

PARTIAL = ".partial"
OWNER = "owner.pid"
MINIMUM_FREE_BYTES = 256 * 2**20


def begin(results: Path, experiment: str, digest: str) -> Recording:
    """A new, empty directory for a run of ``experiment``, owned by this process.

    :raises BadInput: the place is not a directory or cannot be written to.
    :raises MissingCapability: the disk has less than 256 MiB free.
    """
    parent = results / experiment
    try:
        # Asked of what is there already, so that a refusal leaves no empty directories.
        free = shutil.disk_usage(next(place for place in (parent, *parent.absolute().parents) if place.exists())).free
        if free < MINIMUM_FREE_BYTES:
            raise MissingCapability(
                f"--out {results}: {free // 2**20} MiB free, a run needs at least {MINIMUM_FREE_BYTES // 2**20} MiB;"
                " free some space or name another place"
            )
        parent.mkdir(parents=True, exist_ok=True)
        root = _claim(parent, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), digest)
        (root / OWNER).write_text(f"{os.getpid()}\n")
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})"
        raise BadInput(f"--out {results}: cannot make a run directory there: {reason}") from error
    return Recording(root)


def _claim(parent: Path, stamp: str, digest: str) -> Path:
    """The first free name; runs that start in the same second get ``-2``, ``-3`` and so on."""
    number = 1
    while True:
        name = f"{stamp}-{digest}" + (f"-{number}" if number > 1 else "")
        root = parent / (name + PARTIAL)
        number += 1
        if (parent / name).exists():
            continue
        try:
            root.mkdir()
        except FileExistsError:
            continue
        return root.resolve()


def finish(recording: Recording) -> Recording:
    """Give a finished run its final name; returns the Recording there."""
    (recording.root / OWNER).unlink()
    final = recording.root.with_name(recording.root.name.removesuffix(PARTIAL))
    recording.root.rename(final)
    return Recording(final)


def discard(recording: Recording) -> None:
    """Remove a run that came to nothing, if its guard has not yet, and the experiment's directory if it is empty."""
    if recording.root.exists():
        shutil.rmtree(recording.root)
    parent = recording.root.parent
    if not any(parent.iterdir()):
        parent.rmdir()
