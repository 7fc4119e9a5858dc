from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.relay_kernel import (
    all_at_once,
    enter_network_namespace,
    realtime_to_monotonic_ns,
    set_socket_option,
    silence_interface,
)


@pytest.mark.lab
def test_a_thread_enters_a_namespace_by_path_and_quiets_an_interface_there() -> None:
    names: list[str] = []
    with Namespace("near") as near, Namespace("far") as far:
        pair = [
            rtnetlink.VethEnd(space.fd, 2, "a", f"02:00:00:00:00:0{n}", 1500) for n, space in enumerate((near, far))
        ]
        near.netlink.execute([rtnetlink.new_veth(*pair)])

        def inside() -> None:
            enter_network_namespace(near.path)
            silence_interface("a")
            names.extend(name for _, name in socket.if_nameindex())

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        assert names == ["lo", "a"]
        assert near.read_sysctl("net.ipv6.conf.a.disable_ipv6") == "1"
        assert rtnetlink.links(near.netlink, "near")["a"].up
    assert [name for _, name in socket.if_nameindex()] != names


def test_a_path_that_is_no_namespace_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="/proc/self/status"):
        enter_network_namespace("/proc/self/status")


def test_the_clocks_offset_leads_from_one_to_the_other() -> None:
    assert abs(time.time_ns() + realtime_to_monotonic_ns() - time.monotonic_ns()) < 10_000_000


def test_calls_at_once_wait_together_and_the_first_error_is_raised() -> None:
    began = time.monotonic()
    all_at_once([lambda: time.sleep(0.1)] * 20)
    assert time.monotonic() - began < 1.0
    with pytest.raises(ZeroDivisionError):
        all_at_once([lambda: None, lambda: [][1 // 0]])


def test_a_socket_option_is_set_or_refused() -> None:
    with socket.socket() as made:
        set_socket_option(made, socket.SOL_SOCKET, socket.SO_KEEPALIVE, (1).to_bytes(4, "little"))
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        with pytest.raises(OSError, match=os.strerror(92)):
            set_socket_option(made, socket.SOL_SOCKET, 9999, bytes(4))
