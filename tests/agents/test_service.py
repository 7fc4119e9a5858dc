"""A serving process hears commands while it waits for other things."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from netemu.agents import protocol, service
from netemu.agents.service import Service


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The write end of a pipe that stands for standard input."""
    read, write = os.pipe()
    monkeypatch.setattr(service, "STDIN", read)
    monkeypatch.setattr(protocol, "STDIN", read)
    yield write
    os.close(read)


def test_go_then_stop(pipe: int) -> None:
    served = Service()
    os.write(pipe, b"go 77\n")
    assert served.wait(1000) == []
    assert (served.t0_ns, served.stopped) == (77, False)
    os.write(pipe, b"stop\n")
    served.wait(1000)
    assert served.stopped
    os.close(pipe)


def test_end_of_input_is_a_stop(pipe: int) -> None:
    served = Service()
    os.close(pipe)
    served.wait(1000)
    assert served.stopped


def test_other_descriptors_are_reported(pipe: int) -> None:
    served = Service()
    read, write = os.pipe()
    served.poll.register(read)
    os.write(write, b"x")
    assert read in served.wait(1000)
    assert served.wait(0) == [read]
    for fd in (read, write, pipe):
        os.close(fd)


def test_a_stop_ends_a_long_wait(pipe: int) -> None:
    served = Service()
    os.write(pipe, b"stop\n")
    served.wait_until(1 << 62)
    assert served.stopped
    os.close(pipe)
