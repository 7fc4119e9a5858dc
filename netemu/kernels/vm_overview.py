"""Images for virtual machines as ``netemu kernels list`` shows them, beside the kernels of User-Mode Linux."""

from __future__ import annotations

from netemu.kernels.abilities import Abilities, parse_config
from netemu.kernels.store import Store, series
from netemu.kernels.vm_image import VmImage, find_image


def describe_image(image: VmImage, store: Store) -> dict[str, object]:
    """One image as the list's JSON has it, with the keys of a kernel."""
    able = _abilities(image)
    return {
        "name": f"vm:{image.name}",
        "version": _version(image),
        "origin": "debian",
        "picked_by": picked_by(image, store),
        "up_to_date": True,
        "virtual_time": False,
        "netem": able.netem,
        "tracing": able.tracing,
        "tick_hz": able.tick_hz,
        "congestion": list(able.congestion),
        "sha256": image.sha256,
        "directory": str(image.kernel.parent),
    }


def image_row(image: VmImage, store: Store) -> tuple[str, ...]:
    """One line of the table."""
    able = _abilities(image)
    yes = {True: "yes", False: "no"}
    return (
        (picked_by(image, store) or [""])[0],
        f"vm:{image.name}",
        "debian",
        "-",
        "real, emulated",
        yes[able.netem],
        yes[able.tracing],
        f"{able.tick_hz} Hz",
        " ".join(able.congestion),
    )


def picked_by(image: VmImage, store: Store) -> list[str]:
    """The shorter names of ``--kernel`` that mean this image."""
    version = _version(image)
    return [f"vm:{name}" for name in (series(version), version) if find_image(name, store).name == image.name]


def _version(image: VmImage) -> str:
    return image.release if image.manifest is None else image.manifest.version


def _abilities(image: VmImage) -> Abilities:
    return parse_config("" if image.config is None else image.config.read_text())
