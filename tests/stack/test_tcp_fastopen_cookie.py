"""Cookies: what Linux makes of two addresses and a key, and which keys are good."""

from __future__ import annotations

import pytest

from netemu.packet.ip import IPPROTO_TCP, Packet, Tcp
from netemu.stack.tcp_fastopen_cookie import (
    cookie_of,
    keys_of_sysctl,
    tcp_fastopen_cookie_gen,
    tcp_fastopen_cookie_gen_check,
    tcp_fastopen_init_key_once,
)
from tests.stack.hosts import SYN, Lone


def syn(source: str, destination: str) -> Packet:
    return Packet(6 if ":" in source else 4, source, destination, IPPROTO_TCP, 40, Tcp(40_000, 8080, 0, 0, SYN, 65535))


@pytest.mark.parametrize(
    ("key", "source", "destination", "cookie"),
    [
        # The cookies that the Linux selftests' runner of packetdrill gives its scripts, for its keys and addresses.
        ("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "192.0.2.1", "192.168.0.1", "3021b9d889017eeb"),
        ("0-0-0-0", "192.0.2.1", "192.168.0.1", "b7c12350a90dc8f5"),
        ("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4", "fd3d:fa7b:d17d::1", "fd3d:a0b:17d6::1", "c1d1e9742a47a9bc"),
        ("0-0-0-0", "fd3d:fa7b:d17d::1", "fd3d:a0b:17d6::1", "82af1a8f9a205c34"),
    ],
)
def test_the_bytes_are_those_of_linux(key: str, source: str, destination: str, cookie: str) -> None:
    keys = keys_of_sysctl(key)
    assert keys is not None
    assert cookie_of(syn(source, destination), keys[0]).hex() == cookie


@pytest.mark.parametrize("text", ["", "1-2-3", "1-2-3-4-5", "g-0-0-0", "123456789-0-0-0", "1-2-3-4,", "1-2-3-4 "])
def test_what_is_no_key(text: str) -> None:
    assert keys_of_sysctl(text) is None


def test_two_keys_are_four_words_each() -> None:
    first, second = keys_of_sysctl("1-2-3-4,a-b-c-d") or ((), ())
    assert first == bytes((1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0))
    assert second == bytes((10, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0))


def test_a_listener_s_keys_go_before_the_host_s() -> None:
    lone = Lone()
    sk, packet = lone.sk("b", lone.listener()), syn("10.0.0.1", "10.0.0.2")
    assert tcp_fastopen_cookie_gen(sk, packet) is None
    tcp_fastopen_init_key_once(sk.net)
    own = tcp_fastopen_cookie_gen(sk, packet)
    assert own is not None and len(own) == 8
    tcp_fastopen_init_key_once(sk.net)
    assert tcp_fastopen_cookie_gen(sk, packet) == own
    sk.tfo.keys = (b"k" * 16, b"l" * 16)
    new, old = cookie_of(packet, b"k" * 16), cookie_of(packet, b"l" * 16)
    assert tcp_fastopen_cookie_gen_check(sk, packet, new) == (1, new)
    assert tcp_fastopen_cookie_gen_check(sk, packet, old) == (2, new)
    assert tcp_fastopen_cookie_gen_check(sk, packet, own) == (0, new)
