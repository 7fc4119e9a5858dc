"""Runs of the real kernels, kept: in virtual time a plan on a kernel gives the same bytes whenever it is run.

::

    <cache>/fidelity/<kernel>-<programs>-<plan>/    captures/ agents/ samples/ wires/ plan.json execution.json

``<programs>`` is a digest of the parts of netemu that run inside a guest: with other agents or wires a plan is another
run. A directory gets its name when it is complete.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from functools import cache
from pathlib import Path

from netemu.errors import VoidRun
from netemu.kernels import Progress, kernel_named
from netemu.kernels.guest import PACKAGES, temporary_directory
from netemu.kernels.store import open_store, writing
from netemu.kernels.uml import UmlOptions, parse_name
from netemu.recording.account import read_account
from netemu.recording.layout import Recording
from netemu.specs import Plan

_INSIDE = ("agents", "lab", "link", "kernels/uml_init.py", "recording/pcapng.py")
"""What of netemu runs in a guest."""


def reference(plan: Plan, kernel: str, progress: Progress) -> Recording:
    """What ``kernel`` (such as ``uml:7.2?time=virtual``) makes of ``plan``: run now, or kept from an earlier call.

    :raises VoidRun: the run cannot be trusted; it is not kept.
    :raises MissingCapability: the kernel is not there.
    """
    place = directory(plan, kernel)
    if place.is_dir():
        return Recording(place)
    with writing(place.parent), temporary_directory(f"{place.name}.", place.parent) as scratch:
        recording = Recording(scratch / "run")
        recording.root.mkdir()
        kernel_named(kernel).execute(plan, recording, progress)
        reasons = read_account(recording)["void"]
        if reasons:
            raise VoidRun(f"{plan.experiment} on {kernel}: {'; '.join(reasons)}")
        _put(recording.root, place)
    return Recording(place)


def directory(plan: Plan, kernel: str) -> Path:
    """Where the run of ``plan`` on ``kernel`` is kept, whether it is there or not."""
    options: UmlOptions = parse_name(kernel)
    store = open_store()
    entry = store.find(options.version, virtual_time=options.virtual)
    identity = f"{entry.manifest.binary_sha256} {options.memory_bytes} {options.virtual}"
    short = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return store.own.parent / "fidelity" / f"{entry.name}-{short}-{_programs()}-{plan.digest}"


@cache
def _programs() -> str:
    """A digest of the sources that run in a guest."""
    package = PACKAGES / "netemu"
    digest = hashlib.sha256()
    for name in _INSIDE:
        place = package / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def _put(made: Path, place: Path) -> None:
    """Give a complete run its name; another process may have made the same meanwhile."""
    try:
        made.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(made)
