"""What a User-Mode Linux kernel can do, read from its configuration: nothing is booted for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netemu.kernels.store import Entry

_SET = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)
_ALWAYS = ("reno",)


@dataclass(frozen=True, slots=True)
class Abilities:
    """``congestion``: names as ``TCP_CONGESTION`` takes them; ``tick_hz``: the resolution of TCP's timers."""

    virtual_time: bool
    netem: bool
    tracing: bool
    tick_hz: int
    congestion: tuple[str, ...]


def abilities(entry: Entry) -> Abilities:
    """Read ``entry``'s configuration."""
    return parse_config((entry.directory / "config").read_text())


def parse_config(text: str) -> Abilities:
    """The abilities that a kernel's configuration gives it, as module or built in."""
    options = dict(_SET.findall(text))
    there = {name for name, value in options.items() if value in ("y", "m")}
    congestion = {name.removeprefix("TCP_CONG_").lower() for name in there if name.startswith("TCP_CONG_")}
    return Abilities(
        virtual_time="UML_TIME_TRAVEL_SUPPORT" in there,
        netem="NET_SCH_NETEM" in there,
        tracing="EVENT_TRACING" in there,
        tick_hz=int(options.get("HZ", "0")),
        congestion=tuple(sorted({*_ALWAYS, *(_KERNEL_NAMES.get(name, name) for name in congestion - {"advanced"})})),
    )


_KERNEL_NAMES = {"hstcp": "highspeed"}
"""Options whose congestion control goes by another name (``tcp_congestion_ops.name``)."""
