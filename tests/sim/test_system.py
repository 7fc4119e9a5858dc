"""What agents ask of a model is there, and fails as it does on Linux."""

from __future__ import annotations

import ctypes
import errno
import select
import socket
from collections.abc import Callable

import pytest

from netemu.agents import system as asked
from netemu.agents.tcp_info import read_tcp_info
from netemu.sim.engine import Engine
from netemu.sim.host import Host
from netemu.sim.process import Process
from netemu.sim.system import ModelEpoll, ModelSocket, ModelSystem
from netemu.stack.eras import PROFILES
from netemu.stack.host import Interface, make_host


def on_a_host(program: Callable[[ModelSystem], None]) -> None:
    """Run ``program`` to its end as a process of a host with nobody around."""
    engine = Engine(0)
    stack = make_host("h1", PROFILES["linux-7"], interfaces=[Interface("h1-eth0", 1500, ("10.0.0.1/24",))])
    system = ModelSystem(engine)
    host = Host("h1", stack, engine)
    system.process = process = Process(host, engine, lambda: program(system))
    process.start()
    engine.run(10**10)
    assert process.ended


@pytest.mark.parametrize(
    ("have", "protocol"), [(ModelSystem, asked.System), (ModelEpoll, asked.Epoll), (ModelSocket, asked.Socket)]
)
def test_nothing_is_missing(have: type, protocol: type) -> None:
    wanted = {name for name in vars(protocol) if not name.startswith("_") or name == "__enter__"}
    assert wanted <= set(dir(have))


def test_two_ends_on_one_host_talk() -> None:
    def program(system: ModelSystem) -> None:
        listener = system.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 80))
        listener.listen(5)
        client = system.socket(socket.AF_INET, socket.SOCK_STREAM)
        assert system.connect(client.fileno(), system.sockaddr(2, ("127.0.0.1", 80))) == 0
        fd, peer = system.accept(listener.fileno(), socket.AF_INET)
        assert peer == client.getsockname() and system.adopt(fd).family == socket.AF_INET
        words = ctypes.create_string_buffer(b"hello", 5)
        room = ctypes.create_string_buffer(9)
        assert system.send(fd, ctypes.addressof(words), 5, 0) == 5
        assert system.recv(client.fileno(), ctypes.addressof(room), 9, 0) == 5 and room.raw[:5] == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert system.recv(fd, ctypes.addressof(room), 9, 0) == 0
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (4, 5)
        client.close()
        assert client.fileno() == -1

    on_a_host(program)


def test_errors_are_those_of_linux() -> None:
    def program(system: ModelSystem) -> None:
        sock = system.socket(socket.AF_INET, socket.SOCK_STREAM)
        assert system.connect(sock.fileno(), ("127.0.0.1", 81)) == -1 and system.last_errno() == errno.ECONNREFUSED
        with pytest.raises(OSError, match="Cannot assign") as caught:
            sock.bind(("10.0.0.9", 80))
        assert caught.value.errno == errno.EADDRNOTAVAIL
        assert system.accept(99, 2)[0] == -1 and system.last_errno() == errno.EBADF
        assert {"reno", "cubic", "bbr"} <= set(system.congestion_controls().split())
        info = read_tcp_info(sock, system.linux_version())
        assert (info["tcpi_ecn_mode"], info["tcpi_accecn_fail_mode"], info["tcpi_options2"]) == (0, 0, 0)

    on_a_host(program)


def test_an_epoll_waits_and_times_out() -> None:
    def program(system: ModelSystem) -> None:
        listener = system.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.bind(("0.0.0.0", 80))
        listener.listen(1)
        with system.epoll(4) as epoll:
            epoll.register(listener.fileno(), select.EPOLLIN)
            before = system.monotonic_ns()
            assert epoll.wait(20) == 0
            assert 20_000_000 <= system.monotonic_ns() - before < 30_000_000
            client = system.socket(socket.AF_INET, socket.SOCK_STREAM)
            assert system.connect(client.fileno(), ("127.0.0.1", 80)) == 0
            assert epoll.wait() == 1 and epoll.ready(0) == listener.fileno()
            epoll.modify(listener.fileno(), 0)
            assert epoll.wait(0) == 0
            epoll.unregister(listener.fileno())
        assert epoll.wait(0) == -1 and system.last_errno() == errno.EBADF

    on_a_host(program)
