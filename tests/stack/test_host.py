"""A host from a plan's words."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.specs import RouteSpec
from netemu.stack import host, profile
from netemu.stack.eras import PROFILES
from netemu.stack.host import Interface, host_maker, make_host


def test_interfaces_routes_and_sysctls() -> None:
    routes = [
        RouteSpec("h", "10.1.0.0/16", "10.0.0.9", "h-eth0"),
        RouteSpec("x", "10.2.0.0/16", "10.0.0.9", "h-eth0"),
    ]
    made = make_host(
        "h",
        PROFILES["linux-6"],
        interfaces=[Interface("h-eth0", 1400, ("10.0.0.1/24",))],
        routes=routes,
        sysctls={"net.ipv4.tcp_sack": "0"},
    )
    assert not made.sysctl.tcp_sack
    dst = made.fib.lookup("10.1.2.3")
    assert dst is not None
    assert (dst.via, dst.mtu) == ("10.0.0.9", 1400)
    assert made.fib.lookup("10.2.0.1") is None
    assert not made.sysctl.ip_forward


def test_a_router_forwards_unless_told_otherwise() -> None:
    profile = PROFILES["linux-7"]
    assert make_host("r", profile, interfaces=[], router=True).sysctl.ip_forward
    quiet = make_host("r", profile, interfaces=[], router=True, sysctls={"net.ipv4.ip_forward": "0"})
    assert not quiet.sysctl.ip_forward
    assert quiet.sysctl.ipv6_forwarding


def test_an_unknown_sysctl_names_the_node() -> None:
    with pytest.raises(MissingCapability, match=r"node 'h': sysctl net\.ipv4\.nonsense"):
        make_host("h", PROFILES["linux-7"], interfaces=[], sysctls={"net.ipv4.nonsense": "1"})


def test_seeds_make_different_hosts() -> None:
    first, same, other = (make_host("h", PROFILES["linux-7"], interfaces=[], seed=seed) for seed in (1, 1, 2))
    assert first.random.u64() == same.random.u64() != other.random.u64()


def nothing(*_args: object, **_by_name: object) -> None:
    """A plug-in that makes no host."""


class Deaf:
    """A plug-in's host that has no sockets to show."""

    def __init__(self, *_args: object, **_by_name: object) -> None:
        pass

    def handle(self, *_args: object, **_by_name: object) -> None: ...

    def next_deadline_ns(self) -> None: ...


def _plugged_in(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entries = {("netemu.stacks", "theirs"): (EntryPoint("theirs", value, "netemu.stacks"),)}
    found = lambda group, name=None: entries.get((group, name), ())  # noqa: E731
    monkeypatch.setattr(host, "entry_points", found)
    monkeypatch.setattr(profile, "entry_points", found)


def test_a_whole_stack_of_others_makes_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    _plugged_in(monkeypatch, "netemu.stack.host:make_host")
    theirs = profile.find_profile("theirs")
    assert theirs.judgement == "unjudged"
    assert host_maker(theirs) is make_host
    assert host_maker(profile.find_profile("theirs")) is make_host
    assert host_maker(PROFILES["linux-7"]) is make_host


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("no.such:make", "stack theirs = no.such:make: cannot be loaded"),
        ("netemu.stack.host:__all__", "is a list; name a function"),
        ("builtins:print", r"stack theirs = builtins:print: the stack: a host cannot be made: TypeError"),
        ("builtins:dict", r"the stack: a host cannot be made: TypeError: dict expected at most 1 argument, got 2"),
        ("tests.stack.test_host:nothing", r"the stack: a NoneType has no handle\(\)"),
        ("tests.stack.test_host:Deaf", r"a Deaf has no sockets\(\)"),
    ],
)
def test_a_stack_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    _plugged_in(monkeypatch, value)
    with pytest.raises(BadInput, match=told):
        host_maker(profile.find_profile("theirs"))


def test_a_profile_of_a_stack_that_is_not_installed_is_refused() -> None:
    gone = profile.profile_from({"name": "mine", "stack": "gone"}, "mine.toml")
    with pytest.raises(BadInput, match=r"profile 'mine': no entry point 'gone' in the group netemu.stacks"):
        host_maker(gone)
