"""Kernels for tests: those that are in the cache of whoever runs the tests."""

from __future__ import annotations

from netemu.kernels.ready import module_files
from netemu.kernels.store import Entry, open_store
from netemu.kernels.uml import options_for
from netemu.kernels.uml_boot import Machine


def virtual_kernels() -> list[Entry]:
    """The newest kernel with virtual time of each series in the cache."""
    found: dict[tuple[str, ...], Entry] = {}
    for entry in open_store().entries():
        if entry.manifest.virtual_time:
            found.setdefault(tuple(entry.manifest.version.split(".")[:2]), entry)
    return list(found.values())


def machine_of(entry: Entry, memory_bytes: int = 256 << 20, *, virtual: bool = True) -> Machine:
    """A machine that runs ``entry``."""
    return Machine(
        entry.binary,
        memory_bytes,
        virtual=virtual,
        modules=module_files(entry),
        options=options_for(entry.manifest.version),
    )
