"""Guests that take steps together: here programs that say what guests would say."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netemu.errors import BadInput, NetemuError, VoidRun
from netemu.kernels import mixed_guests
from netemu.kernels.guest import Guest
from netemu.kernels.mixed_guests import PartGuest, PartGuests, Setup, _with_devices
from netemu.kernels.uml_boot import Machine
from netemu.recording.layout import Recording

ECHO = """\
import json, socket, sys
control = socket.socket(fileno=int(sys.argv[1]))
print('{"up": "9.9"}', flush=True)
for line in control.makefile():
    command = json.loads(line)
    for words in command.get("say", ()):
        print(words if isinstance(words, str) else json.dumps(words), flush=True)
    if command["do"] == "end":
        break
"""
"""Says on its console what it is told to say."""


@pytest.fixture
def guests() -> Iterator[PartGuests]:
    """Two programs in the place of guests on uml:1 and uml:2."""
    with ExitStack() as stack:
        made = []
        for number in (1, 2):
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-c", ECHO, str(theirs.fileno())],
                    stdout=subprocess.PIPE,
                    pass_fds=[theirs.fileno()],
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            group: Any = SimpleNamespace(kernel=f"uml:{number}", nodes=(f"h{number}",))
            made.append(PartGuest(group, Machine(Path("none")), Recording(Path("none")), Guest(process), ours))
        yield PartGuests(made, ExitStack())


def test_a_step_is_over_when_all_have_taken_it(guests: PartGuests) -> None:
    one, other = guests.guests
    one.tell("x", say=[{"part": "built", "n": 1}, {"part": "ready", "n": 3}])
    other.tell("x", say=["[    1.0] kernel talk", {"beat": 1.0}, {"progress": "x"}, {"part": "built", "n": 2}])
    assert [said["n"] for said in guests.wait("built", 10)] == [1, 2]
    other.tell("x", say=[{"part": "ready", "n": 4}])
    assert [said["n"] for said in guests.wait("ready", 10)] == [3, 4]
    assert one.said == {}


def test_an_error_of_a_part_is_raised_with_its_place(guests: PartGuests) -> None:
    guests.guests[1].tell("x", say=[{"error": "BadInput", "message": "h2: no such thing"}])
    with pytest.raises(BadInput, match=r"^uml:2 \(h2\): h2: no such thing$"):
        guests.wait("built", 10)


def test_a_guest_that_dies_is_told_with_its_last_words(guests: PartGuests) -> None:
    guests.guests[0].tell("end", say=["Kernel panic - not syncing: no reason"])
    with pytest.raises(VoidRun, match=r"uml:1 \(h1\): the guest ended with 0 before .*: Kernel panic - not syncing"):
        guests.wait("built", 10)


def test_a_lab_that_fails_without_an_error_of_ours_is_told(guests: PartGuests) -> None:
    guests.guests[0].tell("end", say=["Traceback: what", {"exit": 1}])
    with pytest.raises(VoidRun, match=r"uml:1 \(h1\): the lab in the guest ended with exit code 1; .*Traceback: what"):
        guests.wait("built", 10)


def test_the_end_of_all_is_waited_for(guests: PartGuests) -> None:
    guests.tell("end", say=[{"exit": 0}])
    guests.wait_end(10)
    assert all(guest.ended for guest in guests.guests)
    guests.tell("anything")


def test_a_guest_that_takes_too_long_is_named(guests: PartGuests) -> None:
    guests.guests[0].tell("x", say=[{"part": "built"}])
    guests.guests[1].tell("x", say=["what it said last"])
    with pytest.raises(VoidRun, match=r"uml:2 \(h2\): the guest did not come to 'built' within 1 s; .*said last"):
        guests.wait("built", 1)


def test_a_guest_that_hangs_is_named(guests: PartGuests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_guests, "SILENCE_S", 0.3)
    monkeypatch.setattr(mixed_guests, "UP_S", 5.0)
    failure: NetemuError | None = None
    try:
        guests.wait("built", 10)
    except NetemuError as error:
        failure = error
    assert isinstance(failure, VoidRun)
    assert "nothing came from the guest for 0.3 s" in str(failure)


def test_a_machine_gets_a_console_and_a_device_for_each_link() -> None:
    group: Any = SimpleNamespace(kernel="uml:1", nodes=("h1",))
    one, other = socket.socketpair()
    with one, other:
        setup = Setup(group, Machine(Path("linux"), options=("seccomp=auto",)), {"l1": (one, 1500)}, "part0")
        line = _with_devices(setup, 77).command_line
        assert f"vec0:transport=fd,fd={one.fileno()},mtu=1500" in line
    assert line.index("con1=fd:77") > line.index("con=null")
    assert json.dumps(line)
