"""Options' values as the structs of Linux."""

from __future__ import annotations

from netemu.agents.tcp_info import decode_tcp_info
from netemu.sim.sockopt import SO_COOKIE, SO_MEMINFO, SOL_SOCKET, SOL_TCP, TCP_INFO, encode_option


def test_tcp_info_goes_through_its_bytes() -> None:
    info = {"tcpi_state": 1, "tcpi_snd_wscale": 7, "tcpi_rcv_wscale": 9, "tcpi_rtt": 40_000, "tcpi_bytes_acked": 2**40}
    found = decode_tcp_info(encode_option(SOL_TCP, TCP_INFO, info))
    assert {name: found[name] for name in info} == info
    assert "tcpi_segs_out" not in found


def test_words_names_and_numbers() -> None:
    assert encode_option(SOL_SOCKET, SO_COOKIE, 5) == b"\5" + bytes(7)
    assert len(encode_option(SOL_SOCKET, SO_MEMINFO, (1,) * 9)) == 36
    assert encode_option(SOL_TCP, 13, "cubic") == b"cubic".ljust(16, b"\0")
    assert encode_option(SOL_SOCKET, 13, b"\1\0") == b"\1\0"
    assert encode_option(SOL_SOCKET, 2, 1) == b"\1\0\0\0"
