"""TCP_INFO by the names that agents decode."""

from __future__ import annotations

from netemu.agents.tcp_info import decode_tcp_info, encode_tcp_info
from netemu.stack.eras import PROFILES
from netemu.stack.tcp_info import sk_get_meminfo, tcp_get_info
from tests.stack.hosts import Pair


def test_a_connection_after_a_transfer() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("a", "send", client, b"x" * 20_000)
    got = 0
    while got < 20_000:
        got += len(pair.do("b", "recv", server, 65536))
    pair.run(pair.now_ms + 100)
    info = pair.do("a", "getsockopt", client, 6, 11)
    wanted = {
        "tcpi_state": 1, "tcpi_ca_state": 0, "tcpi_snd_mss": 1448, "tcpi_pmtu": 1500, "tcpi_advmss": 1448,
        "tcpi_unacked": 0, "tcpi_lost": 0, "tcpi_total_retrans": 0, "tcpi_bytes_acked": 20_001,
        "tcpi_bytes_sent": 20_000, "tcpi_data_segs_out": 14, "tcpi_delivered": 15, "tcpi_notsent_bytes": 0,
        "tcpi_snd_wscale": 7, "tcpi_rcv_wscale": 7, "tcpi_options": 7, "tcpi_snd_ssthresh": 0x7FFFFFFF,
    }  # fmt: skip
    assert {name: info[name] for name in wanted} == wanted
    assert 20_000 <= info["tcpi_min_rtt"] <= info["tcpi_rtt"] + info["tcpi_rttvar"]
    assert info["tcpi_busy_time"] > 0
    peer = pair.do("b", "getsockopt", server, 6, 11)
    assert (peer["tcpi_bytes_received"], peer["tcpi_data_segs_in"]) == (20_000, 14)


def test_it_survives_the_kernel_s_struct() -> None:
    pair = Pair()
    client, _ = pair.connection()
    info = tcp_get_info(pair.sk("a", client))
    again = decode_tcp_info(encode_tcp_info(info))
    assert {name: again[name] for name in info} == info


def test_marks_are_told_by_eras_that_count_them() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_ecn": "3"})
    client, _ = pair.connection()
    sk = pair.sk("a", client)
    sk.accecn.received_ecn_bytes[:] = 0, 1, 2, 3
    info = tcp_get_info(sk)
    assert [info[f"tcpi_received_{mark}_bytes"] for mark in ("e1", "e0", "ce")] == [1, 2, 3]
    assert (info["tcpi_ecn_mode"], info["tcpi_accecn_opt_seen"], info["tcpi_accecn_fail_mode"]) == (2, 2, 0)
    again = decode_tcp_info(encode_tcp_info(info))
    assert {name: again[name] for name in info} == info
    sk.net.profile = PROFILES["linux-6"]
    assert "tcpi_received_ce" not in tcp_get_info(sk)


def test_a_listener_tells_of_its_queue() -> None:
    pair = Pair()
    listener = pair.listener(backlog=9)
    pair.do("a", "connect", pair.socket("a"), ("10.0.0.2", 5000))
    pair.run(pair.now_ms + 50)
    info = pair.do("b", "getsockopt", listener, 6, 11)
    assert (info["tcpi_state"], info["tcpi_unacked"], info["tcpi_sacked"]) == (10, 1, 9)


def test_memory_has_no_negative_words() -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    sk.sk_forward_alloc = -1
    assert sk_get_meminfo(sk)[4] == 0xFFFFFFFF
