"""The host that a script runs on: a model of a profile with the one device that packetdrill has."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from msgspec.structs import replace

from netemu.stack.host import Interface, make_host
from netemu.stack.profile import find_profile
from tests.packetdrill.machine import DEVICE, Machine
from tests.packetdrill.settings import Settings

HZ = 1000
"""Ticks a second of the kernels that the scripts' times were written for (CONFIG_HZ_1000 of their set-up)."""

EPHEMERAL_PORT = 40_000
START_IN_TICK_NS = 250_000
"""How far into a tick a script begins, as packetdrill has it."""

_SUPER_SEGMENTS = 65_535
_MEMINFO = ("RMEM_ALLOC", "RCVBUF", "WMEM_ALLOC", "SNDBUF", "FWD_ALLOC", "WMEM_QUEUED", "OPTMEM", "BACKLOG", "DROPS")
_SOL_SOCKET, _SO_MEMINFO, _SOL_TCP, _TCP_INFO = 1, 55, 6, 11


def machine_for(profile_name: str, settings: Settings) -> Machine:
    """A machine as packetdrill makes its own: ``tun0`` with a default route to the peer."""
    profile = replace(find_profile(profile_name), hz=HZ)
    prefix = "48" if settings.ipv6 else "16"
    most = _SUPER_SEGMENTS if settings.super_segments else 1
    device = Interface(DEVICE, settings.mtu, (f"{settings.local_address}/{prefix}",), gso_max_segs=most)
    stack = make_host("host", profile, interfaces=(device,), seed=1)
    stack.behind_tun = True
    stack.fib.add_route(ip_network("::/0" if settings.ipv6 else "0.0.0.0/0"), DEVICE, None)
    return Machine(stack, profile.t0_after_boot_ns + START_IN_TICK_NS)


def info_of(machine: Machine, live_fd: int) -> Mapping[str, Any]:
    """What code blocks may name of the socket ``live_fd``: tcp_info and memory; nothing of a socket that is closed."""
    entered = machine.enter("getsockopt", live_fd, _SOL_TCP, _TCP_INFO)
    assert entered.result is not None  # it never sleeps
    if entered.result.errno:
        return {}
    memory = machine.enter("getsockopt", live_fd, _SOL_SOCKET, _SO_MEMINFO)
    assert memory.result is not None
    names = (f"SK_MEMINFO_{name}" for name in _MEMINFO)
    return dict(entered.result.value) | dict(zip(names, memory.result.value, strict=True))
