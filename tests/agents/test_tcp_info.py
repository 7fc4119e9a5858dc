"""TCP_INFO is decoded by the kernel's names, also the shorter ones of older kernels."""

from __future__ import annotations

import socket
import struct

import pytest

from netemu.agents.linux import LinuxSystem
from netemu.agents.tcp_info import TCP_CLOSE, decode_tcp_info, encode_tcp_info, layout, read_tcp_info, read_tcp_state
from tests.agents.harness import Namespace

LINUX = LinuxSystem().linux_version()


def test_the_known_fields_fill_280_bytes_since_linux_6_18() -> None:
    names, form = layout(280)
    assert form.size == 280
    assert names[-1] == "tcpi_accecn"
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("size", "last"), [(104, "tcpi_total_retrans"), (232, "tcpi_snd_wnd"), (234, "tcpi_snd_wnd")])
def test_a_shorter_struct_has_a_prefix_of_the_fields(size: int, last: str) -> None:
    assert layout(size)[0][-1] == last
    assert last in decode_tcp_info(bytes(size))


def test_window_scales_are_taken_apart() -> None:
    info = decode_tcp_info(bytes([1, 0, 0, 0, 0, 7, 0x97, 1]) + bytes(96))
    assert (info["tcpi_snd_wscale"], info["tcpi_rcv_wscale"], info["tcpi_delivery_rate_app_limited"]) == (7, 9, 1)
    assert "tcpi_wscale" not in info


ECN_OF_7_2 = {"tcpi_ecn_mode": 2, "tcpi_accecn_opt_seen": 1, "tcpi_accecn_fail_mode": 9, "tcpi_options2": 0xABCDEF}


def test_the_last_word_is_bit_fields_since_7_0_and_two_halves_before() -> None:
    raw = bytes(276) + bytes([0b1001_01_10, 0xEF, 0xCD, 0xAB])
    info = decode_tcp_info(raw, (7, 2))
    assert {name: info[name] for name in ECN_OF_7_2} == ECN_OF_7_2
    assert encode_tcp_info(info) == raw
    older = decode_tcp_info(bytes(276) + bytes([9, 0, 2, 0]), (6, 19))
    assert (older["tcpi_accecn_fail_mode"], older["tcpi_accecn_opt_seen"]) == (9, 2)
    assert not {"tcpi_ecn_mode", "tcpi_options2", "tcpi_accecn"} & (older.keys() | decode_tcp_info(bytes(276)).keys())


@pytest.mark.lab
def test_fields_agree_with_what_the_socket_did(cage: Namespace) -> None:
    with cage.entered():
        server = socket.create_server(("127.0.0.1", 5001))
        client = socket.create_connection(("127.0.0.1", 5001))
        peer = server.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(7):
        client.sendall(bytes(100))
        assert len(peer.recv(100, socket.MSG_WAITALL)) == 100
    info = read_tcp_info(client, LINUX)
    assert info["tcpi_bytes_sent"] == 700
    assert info["tcpi_data_segs_out"] == 7
    assert info["tcpi_state"] == 1
    assert info["tcpi_snd_mss"] == client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    assert read_tcp_info(peer, LINUX)["tcpi_bytes_received"] == 700
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert read_tcp_info(client, LINUX)["tcpi_state"] == read_tcp_state(client) == TCP_CLOSE
    client.close()
    server.close()
