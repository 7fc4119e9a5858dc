"""The guests of a run on several kernels: each runs its part of the plan, step by step with the others."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from netemu import errors
from netemu.errors import NetemuError, VoidRun
from netemu.kernels.guest import GUEST_RECORDING, Guest
from netemu.kernels.mixed_plan import Group
from netemu.kernels.uml_boot import UP_S, Machine, booted, why_ended
from netemu.lab.cage import RUN_ID_VARIABLE
from netemu.lab.part import PART_FILE, Part
from netemu.lab.tsc import Reading
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json

SILENCE_S = 60.0
"""Every guest says once a second that it lives; one that has not for this long hangs."""


@dataclass(slots=True)
class PartGuest:
    """One guest: what runs in it, what it has said, and the way to tell it something."""

    group: Group
    machine: Machine
    recording: Recording
    guest: Guest
    control: socket.socket
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard_s: float = field(default_factory=time.monotonic)
    ended: bool = False
    _rest: bytes = b""

    def tell(self, word: str, **more: Any) -> None:
        """Give the part a command (netemu.lab.part_run)."""
        with contextlib.suppress(BrokenPipeError):  # a guest that has ended says why on its console
            self.control.sendall(json.dumps({"do": word, **more}).encode() + b"\n")

    def clock(self, message: dict[str, Any]) -> Reading:
        """The reading of the guest's clock in what it said."""
        return Reading.of(message["clock"])

    def listen(self) -> None:
        """Take what the console has; raises the part's own error, or why the guest ended before its work was done."""
        assert self.guest.process.stdout is not None
        chunk = os.read(self.guest.process.stdout.fileno(), 1 << 16)
        self.heard_s = time.monotonic()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self.guest.take(line.decode(errors="replace").rstrip("\r"), self._hear)
        if not chunk:
            self.guest.process.wait()
            self.ended = True
            if self.guest.exit_code != 0:
                raise self._named(self._why_ended())

    def _hear(self, message: dict[str, Any]) -> None:
        if "error" in message:
            kind: type[NetemuError] = getattr(errors, message["error"], VoidRun)
            raise self._named(kind(message["message"]))
        if "part" in message:
            self.said[message["part"]] = message

    def _why_ended(self) -> NetemuError:
        if self.guest.exit_code is None or self.guest.fault is not None or self.guest.out_of_memory:
            return why_ended(self.guest)
        return VoidRun(
            f"the lab in the guest ended with exit code {self.guest.exit_code}; the console's last lines:"
            f" {self.guest.said}"
        )

    def _named(self, error: NetemuError) -> NetemuError:
        return type(error)(f"{self.group.kernel} ({', '.join(self.group.nodes)}): {error}")

    def overdue(self, what: str, limit_s: float) -> NetemuError:
        """The error of a guest that lives and has not come to ``what`` within ``limit_s``."""
        return self._named(
            VoidRun(f"the guest did not come to {what!r} within {limit_s:g} s; it said: {self.guest.said}")
        )

    def silent(self, limit_s: float) -> NetemuError:
        """The error of a guest that has not said what was waited for within ``limit_s``."""
        return self._named(
            VoidRun(f"nothing came from the guest for {limit_s:g} s; its console's last lines: {self.guest.said}")
        )


class PartGuests:
    """All guests of a run; leaving the block ends them in any case."""

    def __init__(self, guests: Sequence[PartGuest], stack: contextlib.ExitStack) -> None:
        self.guests = list(guests)
        self._stack = stack

    @classmethod
    def boot(cls, plan: Plan, setups: Sequence[Setup], root: Path) -> PartGuests:
        """Boot a guest for each of ``setups``; their recordings are directories of their own below ``root``."""
        with contextlib.ExitStack() as stack:
            guests = [stack.enter_context(_part_guest(plan, setup, root)) for setup in setups]
            return cls(guests, stack.pop_all())

    def tell(self, word: str, **more: Any) -> None:
        """Give every guest the same command."""
        for guest in self.guests:
            guest.tell(word, **more)

    def wait(self, word: str, timeout_s: float) -> list[dict[str, Any]]:
        """Wait until every guest has said ``word``, and take what they said, in their order."""
        self._pump(lambda guest: word in guest.said, timeout_s, word)
        return [guest.said.pop(word) for guest in self.guests]

    def wait_end(self, timeout_s: float) -> None:
        """Wait until every guest has switched itself off after its work."""
        self._pump(lambda guest: guest.ended, timeout_s, "its end")

    def _pump(self, done: Callable[[PartGuest], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            for guest in self.guests:
                if not guest.ended:
                    selector.register(guest.guest.process.stdout, selectors.EVENT_READ, guest)  # type: ignore[arg-type]
            while waiting := [guest for guest in self.guests if not done(guest)]:
                now = time.monotonic()
                quiet = min(waiting, key=lambda guest: guest.heard_s)
                if deadline <= now:
                    raise waiting[0].overdue(what, timeout_s)
                limit_s = SILENCE_S if quiet.guest.release is not None else UP_S
                if quiet.heard_s + limit_s <= now:
                    raise quiet.silent(limit_s)
                for key, _ in selector.select(min(deadline, quiet.heard_s + limit_s) - now):
                    key.data.listen()
                    if key.data.ended:
                        selector.unregister(key.fileobj)

    def __enter__(self) -> PartGuests:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


@dataclass(frozen=True, slots=True)
class Setup:
    """What a guest is started with: ``sockets`` are its ends of the crossing links, by link, each with its MTU."""

    group: Group
    machine: Machine
    sockets: dict[str, tuple[socket.socket, int]]
    directory: str


@contextlib.contextmanager
def _part_guest(plan: Plan, setup: Setup, root: Path) -> Iterator[PartGuest]:
    recording = Recording(root / setup.directory)
    recording.root.mkdir()
    recording.plan.write_text(to_json(plan))
    devices = {link: f"vec{number}" for number, link in enumerate(setup.sockets)}
    (recording.root / PART_FILE).write_text(to_json(Part(setup.group.nodes, devices)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        machine = _with_devices(setup, theirs.fileno())
        descriptors = [theirs.fileno(), *(end.fileno() for end, _ in setup.sockets.values())]
        argv = ["netemu.lab.part_run", GUEST_RECORDING]
        with booted(machine, argv, recording.root, {RUN_ID_VARIABLE: "guest"}, descriptors) as guest:
            yield PartGuest(setup.group, machine, recording, guest, ours)


def _with_devices(setup: Setup, control: int) -> Machine:
    """The machine with a second console, where the part hears its commands, and a device for each crossing link."""
    words = [f"con1=fd:{control}"]
    for number, (end, mtu_bytes) in enumerate(setup.sockets.values()):
        words.append(f"vec{number}:transport=fd,fd={end.fileno()},mtu={mtu_bytes}")
    return replace(setup.machine, options=(*setup.machine.options, *words))
