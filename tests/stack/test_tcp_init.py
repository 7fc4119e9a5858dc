"""A new socket's fields."""

from __future__ import annotations

import pytest

from netemu.stack.tcp_init import tcp_init_sock
from tests.stack.hosts import Lone


@pytest.mark.parametrize("era", ["linux-5.10", "linux-6", "linux-7"])
def test_fields_come_from_the_host_s_sysctls(era: str) -> None:
    sysctls = {
        "net.ipv4.tcp_rmem": "4096 50000 60000",
        "net.ipv4.tcp_wmem": "4096 30000 60000",
        "net.ipv4.tcp_reordering": "5",
        "net.ipv4.tcp_congestion_control": "reno",
        "net.ipv4.ip_no_pmtu_disc": "1",
    }
    net = Lone(era=era, sysctls=sysctls).hosts["b"]
    sk = tcp_init_sock(net, 2)
    hz = net.profile.hz
    assert (sk.sk_rcvbuf, sk.sk_sndbuf, sk.reordering, sk.icsk_ca_ops.name, sk.pmtudisc) == (
        50_000,
        30_000,
        5,
        "reno",
        0,
    )
    assert (sk.icsk_rto, sk.icsk_rto_min, sk.icsk_rto_max, sk.icsk_delack_max) == (hz, hz // 5, 120 * hz, hz // 5)
    assert (sk.snd_cwnd, sk.mss_cache, sk.mdev_us, sk.scaling_ratio) == (10, 536, 1_000_000, 128)
    assert not any(timer.pending for timer in (sk.icsk_retransmit_timer, sk.icsk_delack_timer, sk.sk_timer))


def test_each_socket_has_a_cookie_of_its_own() -> None:
    net = Lone().hosts["b"]
    cookies = [tcp_init_sock(net, 2).sk_cookie for _ in range(3)]
    assert len({*cookies, 0}) == 4
    assert len(net.tcp_sockets) == 3
