"""How large a segment may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import route, tcp_mss, tcp_output, wmem
from netemu.stack.sock import TcpSock
from tests.stack.senders import MSS, Wire, make_sender, queued, send, wait_ns, wire

__all__ = ["wire"]


@given(st.integers(600, 65535))
def test_mss_and_mtu_are_inverse_where_nothing_clamps(mtu: int) -> None:
    sk = make_sender()
    sk.mss_clamp = 65535
    assert tcp_mss.tcp_mss_to_mtu(sk, tcp_mss.tcp_mtu_to_mss(sk, mtu)) == mtu


def test_sync_keeps_to_the_peer_s_mss_and_to_half_its_largest_window() -> None:
    sk = make_sender()
    assert tcp_mss.tcp_sync_mss(sk, 9000) == MSS
    sk.max_window = 2000
    assert tcp_mss.tcp_sync_mss(sk, 1500) == 1000
    sk.max_window = 500
    assert tcp_mss.tcp_sync_mss(sk, 1500) == 500
    assert sk.icsk_pmtu_cookie == 1500


def test_a_mapped_peer_of_an_ipv6_socket_has_the_header_of_ipv4() -> None:
    """ipv6_mapped.net_header_len, net/ipv6/tcp_ipv6.c of 7.2."""
    sk = make_sender()
    sk.sk_family, sk.mss_clamp = tcp_mss.AF_INET6, 65535
    assert tcp_mss.tcp_mtu_to_mss(sk, 1500) == MSS
    sk.inet_daddr = "fd00::2"
    assert tcp_mss.tcp_mtu_to_mss(sk, 1500) == MSS - 20


def test_no_segment_is_smaller_than_tcp_min_snd_mss_allows() -> None:
    """CVE-2019-11479."""
    sk = make_sender()
    sk.mss_clamp = 8
    assert tcp_mss.tcp_sync_mss(sk, 1500) == 48 - 12


def test_sack_blocks_of_the_moment_make_room() -> None:
    sk = make_sender()
    assert tcp_mss.tcp_current_mss(sk) == MSS
    sk.selective_acks = [(7000, 8000), (9000, 9500)]
    assert tcp_mss.tcp_current_mss(sk) == MSS - 20
    sk.selective_acks *= 3
    assert tcp_mss.tcp_current_mss(sk) == MSS - 28
    assert sk.mss_cache == MSS


def test_a_learned_path_mtu_is_followed() -> None:
    sk = make_sender()
    assert sk.sk_dst is not None
    route.ipv4_sk_update_pmtu(sk.sk_dst, 1400)
    assert tcp_mss.tcp_current_mss(sk) == 1348


def test_maxseg_clamps_what_is_announced() -> None:
    sk = make_sender()
    assert tcp_mss.tcp_mss_clamp(sk, 1460) == 1460
    sk.user_mss = 1000
    assert tcp_mss.tcp_mss_clamp(sk, 1460) == 1000


# ---- path MTU probing


def probing() -> TcpSock:
    """A sender that probes from the start, between 1024 and 1460, with much to send."""
    sk = make_sender()
    sk.net.sysctl.tcp_mtu_probing = 2
    tcp_mss.tcp_mtup_init(sk)
    tcp_mss.tcp_sync_mss(sk, 1500)
    sk.snd_cwnd = 20
    sk.sk_sndbuf = 1 << 20
    return sk


def send_probing(sk: TcpSock, data: bytes) -> None:
    """Queue ``data`` while the window is shut, then open it."""
    sk.snd_wnd = 0
    send(sk, data)
    sk.snd_wnd = 65536
    tcp_output.tcp_push_pending_frames(sk)


def test_probing_starts_at_the_base_and_probes_halfway(wire: Wire) -> None:
    sk = probing()
    assert sk.mss_cache == 1024
    send_probing(sk, bytes(30_000))
    lengths = [len(segment.payload) for segment in wire.segments]
    halfway = tcp_mss.tcp_mtu_to_mss(sk, (1500 + 1076) >> 1)
    assert halfway in lengths
    assert set(lengths) == {1024, halfway}
    assert sk.mtup_probe_size == tcp_mss.tcp_mss_to_mtu(sk, halfway)
    assert sk.mtu_probe_seq_end - sk.mtu_probe_seq_start == halfway
    assert sk.snd_cwnd == 19


def test_a_probe_keeps_bytes_in_order(wire: Wire) -> None:
    sk = probing()
    data = bytes(index * 7 & 255 for index in range(30_000))
    send_probing(sk, data)
    sent = b"".join(segment.payload for segment in wire.segments)
    rest = b"".join(skb.data for skb in sk.sk_write_queue)
    assert sent + rest == data


def test_no_probe_with_a_small_window_or_too_little_data(wire: Wire) -> None:
    for change in ("cwnd", "data", "sacks"):
        sk = probing()
        if change == "cwnd":
            sk.snd_cwnd = 10
        elif change == "sacks":
            sk.selective_acks = [(6000, 7000)]
        send_probing(sk, bytes(3000 if change == "data" else 30_000))
        assert sk.mtup_probe_size == 0


def test_a_search_that_ended_begins_anew_after_ten_minutes() -> None:
    sk = probing()
    sk.mtup_search_low = sk.mtup_search_high
    tcp_mss.tcp_mtu_check_reprobe(sk)
    assert sk.mtup_search_low == sk.mtup_search_high
    wait_ns(sk.net, 600 * 10**9)
    tcp_mss.tcp_mtu_check_reprobe(sk)
    assert sk.mtup_search_low < sk.mtup_search_high


def test_a_probe_s_memory_is_charged(wire: Wire) -> None:
    """But for the bytes that were only cut off from the segment behind: the kernel leaves those charged, too."""
    sk = probing()
    send_probing(sk, bytes(30_000))
    assert queued(sk) == sk.sk_wmem_queued
    assert (sk.sk_wmem_queued + sk.sk_forward_alloc) % wmem.PAGE_SIZE == 0
