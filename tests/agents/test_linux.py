"""The system of agents that are processes: each call is the kernel's, with its count and its errno."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import struct
from types import SimpleNamespace

import pytest

from netemu.agents.linux import LinuxEpoll, LinuxSystem


def test_a_connection_is_made_and_carries_bytes() -> None:
    system = LinuxSystem()
    memory = ctypes.create_string_buffer(b"hello", 5)
    room = ctypes.create_string_buffer(8)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = system.socket(socket.AF_INET, socket.SOCK_STREAM)
        where = system.sockaddr(socket.AF_INET, listener.getsockname())
        assert system.connect(client.fileno(), where) == 0
        fd, peer = system.accept(listener.fileno(), socket.AF_INET)
        server = system.adopt(fd)
        assert peer == client.getsockname()
        assert system.send(client.fileno(), ctypes.addressof(memory), 5, 0) == 5
        assert system.recv(fd, ctypes.addressof(room), 8, 0) == 5 and room.raw[:5] == b"hello"
        assert system.recv(fd, ctypes.addressof(room), 8, socket.MSG_DONTWAIT) == -1
        assert system.last_errno() == errno.EAGAIN
        client.close()
        server.close()


def test_addresses_have_the_kernels_layout() -> None:
    port = struct.pack("!H", 5001)
    assert LinuxSystem().sockaddr(socket.AF_INET, ("10.0.0.1", 5001))[2:8] == port + b"\x0a\0\0\1"
    assert len(LinuxSystem().sockaddr(socket.AF_INET6, ("::1", 5001))) == 28


def test_an_epoll_names_what_is_ready_and_times_out() -> None:
    one, other = socket.socketpair()
    with one, other, LinuxEpoll(4) as epoll:
        epoll.register(one.fileno(), select.EPOLLIN)
        assert epoll.wait(1) == 0
        other.send(b"x")
        assert epoll.wait() == 1 and epoll.ready(0) == one.fileno()
        epoll.modify(one.fileno(), select.EPOLLPRI)
        assert epoll.wait(0) == 0
        epoll.unregister(one.fileno())
        epoll.close()
        assert epoll.wait(0) == -1 and LinuxSystem.last_errno() == errno.EBADF


def test_reno_is_always_there() -> None:
    assert "reno" in LinuxSystem().congestion_controls().split()


RELEASES = [("7.2.13", (7, 2)), ("6.18.0-rc3+", (6, 18)), ("5.10.0-32-amd64", (5, 10))]


@pytest.mark.parametrize(("release", "version"), RELEASES)
def test_the_kernel_names_its_version(monkeypatch: pytest.MonkeyPatch, release: str, version: tuple[int, int]) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    assert LinuxSystem().linux_version() == version
