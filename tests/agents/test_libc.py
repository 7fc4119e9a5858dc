"""Blocking calls end with a signal, sleeps are absolute, namespaces are entered and left."""

from __future__ import annotations

import ctypes
import errno
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netemu.agents import libc
from tests.agents.harness import MS, Namespace


def own_namespace() -> str:
    return str(Path("/proc/thread-self/ns/net").readlink())


@pytest.fixture
def alarm() -> Iterator[None]:
    """A SIGALRM after 50 ms whose handler does nothing."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_signal_ends_a_blocked_recv_with_eintr() -> None:
    left, right = socket.socketpair()
    buffer = ctypes.create_string_buffer(10)
    assert libc.recv(left.fileno(), ctypes.addressof(buffer), 10, 0) == -1
    assert libc.last_errno() == errno.EINTR
    left.close()
    right.close()


@pytest.mark.usefixtures("alarm")
def test_a_signal_does_not_lose_the_count_of_a_partly_done_send() -> None:
    left, right = socket.socketpair()
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    buffer = ctypes.create_string_buffer(1 << 20)
    done = libc.send(left.fileno(), ctypes.addressof(buffer), 1 << 20, 0)
    right.setblocking(False)
    there = 0
    while True:
        try:
            there += len(right.recv(1 << 20))
        except BlockingIOError:
            break
    assert 0 < done == there < 1 << 20
    left.close()
    right.close()


@pytest.mark.usefixtures("alarm")
def test_a_signal_ends_a_sleep() -> None:
    assert not libc.sleep_until(time.monotonic_ns() + 5000 * MS)


def test_a_sleep_ends_at_its_absolute_time() -> None:
    end = time.monotonic_ns() + 20 * MS
    assert libc.sleep_until(end)
    assert time.monotonic_ns() >= end


def test_an_error_without_a_name_is_its_number() -> None:
    assert libc.errno_name(errno.EPIPE) == "EPIPE"
    assert libc.errno_name(9999) == "9999"


@pytest.mark.lab
def test_a_socket_made_inside_stays_in_the_namespace(cage: Namespace) -> None:
    home = own_namespace()
    with cage.entered():
        inside = own_namespace()
        names = [name for _, name in socket.if_nameindex()]
    assert inside == str(Path(cage.path).readlink()) != home
    assert names == ["lo"]
    assert own_namespace() == home


@pytest.mark.lab
def test_what_is_no_network_namespace_is_refused(cage: Namespace) -> None:
    wrong = cage.path.removesuffix("net") + "mnt"
    with pytest.raises(OSError, match="setns"), libc.NetworkNamespace(wrong):
        pass
