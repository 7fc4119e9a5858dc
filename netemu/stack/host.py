"""How a host is made: profile, sysctls, interfaces, routes, as a :class:`~netemu.specs.Plan` asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol, cast

from netemu.errors import BadInput
from netemu.stack import plug_ins
from netemu.stack.profile import STACKS, sysctl_of
from netemu.stack.route import Interface
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl_memory import size_by_memory
from netemu.stack.sysctl_names import apply_sysctls

if TYPE_CHECKING:
    from netemu.specs import RouteSpec
    from netemu.stack.profile import Profile
    from netemu.stack.stack import Stack

__all__ = ["Interface", "MakeHost", "host_maker", "make_host"]


class MakeHost(Protocol):
    """What makes hosts: :func:`make_host`, or what an entry point of ``netemu.stacks`` names."""

    def __call__(
        self,
        name: str,
        profile: Profile,
        *,
        interfaces: Iterable[Interface],
        routes: Iterable[RouteSpec],
        sysctls: Mapping[str, str],
        router: bool,
        seed: int,
        carried_by_kernel: bool,
    ) -> Stack:
        """See :func:`make_host`."""
        ...


def host_maker(profile: Profile) -> MakeHost:
    """What makes the hosts of ``profile``; BadInput when its plug-in cannot be loaded or breaks the contract."""
    if not profile.stack:
        return make_host
    for entry in entry_points(group=STACKS, name=profile.stack):
        return _plugged_in(entry, profile)
    raise BadInput(f"profile {profile.name!r}: no entry point {profile.stack!r} in the group {STACKS}")


_tried: set[EntryPoint] = set()
"""Plug-ins that have kept the contract."""


def _plugged_in(entry: EntryPoint, profile: Profile) -> MakeHost:
    """What ``entry`` names, once two of its hosts have kept the contract of a stack on a bad wire."""
    from netemu.stack.testing.stacks import check_stack  # late: it needs hosts

    place, found = plug_ins.place_of("stack", entry), plug_ins.load_plug_in("stack", entry)
    if not callable(found):
        raise BadInput(f"{place}: is a {type(found).__name__}; name a function such as netemu.stack.host.make_host")
    theirs = cast(MakeHost, found)

    def one(name: str, address: str) -> Stack:
        interface = Interface("eth0", 1500, (f"{address}/24",))
        return theirs(name, profile, interfaces=[interface], routes=(), sysctls={}, router=False, seed=1,
                      carried_by_kernel=False)  # fmt: skip

    if entry not in _tried:
        try:
            check_stack(one)
        except BadInput as broken:
            raise BadInput(f"{place}: {broken}") from broken
        _tried.add(entry)
    return theirs


def make_host(
    name: str,
    profile: Profile,
    *,
    interfaces: Iterable[Interface],
    routes: Iterable[RouteSpec] = (),
    sysctls: Mapping[str, str] | None = None,
    router: bool = False,
    seed: int = 1,
    carried_by_kernel: bool = False,
) -> LinuxStack:
    """A host of ``profile`` that has booted at time 0. ``routes``: those whose ``node`` is ``name`` are taken.

    ``sysctls`` by the names of sysctl(8), as text; ``router``: forwards packets unless ``sysctls`` say otherwise.
    ``carried_by_kernel``: no wire on the way is in user space, which shows in what a segment is charged.

    :raises MissingCapability: a sysctl that this model has not.
    :raises BadInput: a value that is none of its sysctl.
    """
    sysctl = sysctl_of(profile)
    sysctl.ip_forward = sysctl.ipv6_forwarding = router
    size_by_memory(sysctl, profile.memory_bytes)
    apply_sysctls(sysctl, sysctls or {}, f"node {name!r}", profile)
    stack = LinuxStack(name, profile, sysctl, seed)
    stack.carried_by_kernel = carried_by_kernel
    for interface in interfaces:
        stack.fib.add_interface(interface)
    stack.fib.add_route_specs(route for route in routes if route.node == name)
    return stack
