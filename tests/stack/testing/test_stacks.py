"""Linux keeps the contract of a stack, on wires as bad as you like; what breaks it is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.stack.eras import PROFILES
from netemu.stack.events import Action, Complete, Event, Received, SystemCall
from netemu.stack.host import Interface, make_host
from netemu.stack.inet_diag import Entry
from netemu.stack.stack import LinuxStack
from netemu.stack.testing import check_snapshot, check_stack
from netemu.stack.testing.stacks import ADDRESSES, PORT


def _linux(name: str, address: str, era: str = "linux-7") -> LinuxStack:
    return make_host(name, PROFILES[era], interfaces=(Interface("eth0", 1500, (f"{address}/24",)),), seed=len(name))


@pytest.mark.parametrize("seed", range(12))
def test_linux_delivers_what_was_sent_or_tells_why_not(seed: int) -> None:
    check_stack(_linux, seeds=(seed,))


@pytest.mark.parametrize("era", list(PROFILES))
def test_every_era_does(era: str) -> None:
    check_stack(lambda name, address: _linux(name, address, era), seeds=(3,))


class Wrapped:
    """A Linux with one mistake."""

    def __init__(self, name: str, address: str) -> None:
        self.linux = _linux(name, address)

    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        return self.linux.handle(event, now_ns=now_ns)

    def next_deadline_ns(self) -> int | None:
        return self.linux.next_deadline_ns()

    def sockets(self) -> Iterable[Entry]:
        return self.linux.sockets()

    def counters(self) -> Mapping[str, int]:
        return self.linux.counters()

    def snapshot(self) -> Mapping[str, object]:
        return self.linux.snapshot()


class Unmade(Wrapped):
    def __init__(self, name: str, address: str) -> None:
        raise TypeError("no such argument")


class Countless(Wrapped):
    counters = None  # type: ignore[assignment]


class Timeless(Wrapped):
    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        return super().handle(event, now_ns=max(now_ns, self.linux.now_ns))


class Garbling(Wrapped):
    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        actions = super().handle(event, now_ns=now_ns)
        return [Complete(one.call_id, one.value[::-1]) if _bytes(one) else one for one in actions]


class Refusing(Wrapped):
    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        if isinstance(event, SystemCall) and event.name == "send":
            return [Complete(event.call_id, None, 22)]
        return super().handle(event, now_ns=now_ns)


class Raising(Wrapped):
    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        if isinstance(event, Received):
            raise KeyError("sk")
        return super().handle(event, now_ns=now_ns)


class Miscounting(Wrapped):
    def snapshot(self) -> Mapping[str, object]:
        found: dict[str, Any] = dict(super().snapshot())
        return {"sockets": [{**sk, "sk_wmem_queued": sk["sk_wmem_queued"] + 1} for sk in found["sockets"]]}


def _bytes(action: Action) -> bool:
    return isinstance(action, Complete) and isinstance(action.value, bytes) and len(action.value) > 1


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        (Unmade, "a host cannot be made: TypeError: no such argument"),
        (Countless, r"a Countless has no counters\(\)"),
        (Timeless, "let time go back"),
        (Garbling, "bytes arrived that were not sent so"),
        (Refusing, "a call ended with errno 22"),
        (Raising, "an event raised KeyError"),
        (Miscounting, "sk_wmem_queued is 1"),
    ],
)
def test_what_breaks_the_contract_is_named(stack: type[Wrapped], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        check_stack(stack, seeds=(8,))


def test_a_snapshot_that_contradicts_itself_is_named() -> None:
    fine = {"snd_una": 1, "snd_nxt": 2, "write_seq": 3, "rcv_wup": 5, "rcv_wnd": 10, "sk_cookie": 1}
    edges: dict[Any, int] = {}
    check_snapshot({"sockets": [fine]}, "here", edges)
    for wrong, told in (
        ({"snd_nxt": 0}, "snd_una <= snd_nxt"),
        ({"rcv_wnd": 9}, "taken back from 15 to 14"),
        ({"sk_rmem_alloc": 7, "sk_receive_queue": [(1, 2, 5)]}, "segments received weigh 5, sk_rmem_alloc is 7"),
    ):
        with pytest.raises(BadInput, match=told):
            check_snapshot({"sockets": [fine | wrong]}, "here", edges)


def test_the_names_that_a_host_is_made_by() -> None:
    assert ADDRESSES == {"h1": "10.0.0.1", "h2": "10.0.0.2"}
    assert PORT == 5001
