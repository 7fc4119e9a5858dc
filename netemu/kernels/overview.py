"""The store as `netemu kernels list` shows it: what each kernel can do, what a name means, what wants attention."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from netemu.kernels.abilities import abilities
from netemu.kernels.naming import series
from netemu.kernels.store import Entry, Store
from netemu.kernels.vm_image import images
from netemu.kernels.vm_overview import image_row

_HEAD = ("PICKED BY", "NAME", "ORIGIN", "RECIPE", "TIME", "NETEM", "TRACING", "TICK", "CONGESTION CONTROLS")
_YES = {True: "yes", False: "no"}


def picked_by(entry: Entry, store: Store) -> list[str]:
    """The shorter names of ``--kernel`` that mean this kernel: of its series, of its version, or none."""
    version = entry.manifest.version
    return [f"uml:{name}" for name in (series(version), version) if store.find(name).name == entry.name]


def describe(entry: Entry, store: Store) -> dict[str, object]:
    """One kernel as the list's JSON has it."""
    able = abilities(entry)
    return {
        "name": entry.name,
        "version": entry.manifest.version,
        "origin": entry.manifest.origin,
        "picked_by": picked_by(entry, store),
        "up_to_date": entry.up_to_date,
        "virtual_time": able.virtual_time,
        "netem": able.netem,
        "tracing": able.tracing,
        "tick_hz": able.tick_hz,
        "congestion": list(able.congestion),
        "sha256": entry.manifest.binary_sha256,
        "directory": str(entry.directory),
    }


def table(store: Store) -> str:
    """One line for each kernel, then one for each image for virtual machines."""
    rows = [_HEAD, *(_row(entry, store) for entry in store.entries())]
    rows += [image_row(image, store) for image in images(store)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def notes(store: Store) -> list[str]:
    """What whoever reads the list should know: kernels of older recipes, builds that were broken off."""
    said = [f"{place}: no such directory (it stands in NETEMU_KERNELS)" for place in store.shared if not place.is_dir()]
    for entry in store.entries():
        if not entry.up_to_date:
            said.append(f"{entry.name}: {outdated(entry)}")
    for path in store.unfinished():
        said.append(
            f"{path.name}: not built to its end ({size_of(path) / 1e9:.1f} GB in {path}): netemu kernels build"
            f" {series(path.name)} goes on with it, netemu kernels remove {path.name} removes it"
        )
    return said


def outdated(entry: Entry) -> str:
    """What an older recipe means and what may be done about it."""
    return (
        f"built by an older recipe of netemu's; it still runs. netemu kernels {entry.command} builds it by today's,"
        f" netemu kernels remove {entry.name} removes it"
    )


def size_of(directory: Path) -> int:
    """The bytes on the disk below ``directory``, in which somebody else may be at work."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_blocks * 512
    return total


def _row(entry: Entry, store: Store) -> tuple[str, ...]:
    able = abilities(entry)
    recipe = "-" if entry.manifest.origin != "built" else "today's" if entry.up_to_date else "older"
    return (
        (picked_by(entry, store) or [""])[0],
        entry.name,
        entry.manifest.origin,
        recipe,
        "real, virtual" if able.virtual_time else "real",
        _YES[able.netem],
        _YES[able.tracing],
        f"{able.tick_hz} Hz",
        " ".join(able.congestion),
    )
