"""How large a segment may be: path MTU, the peer's MSS, the window, and probing for more (net/ipv4/tcp_output.c).

``mss_clamp`` is the peer's MSS or the user's TCP_MAXSEG, without options; ``mss_cache`` what a segment may carry now,
with timestamps subtracted but not SACK blocks; ``tcp_current_mss`` subtracts those as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import ACK, FIN, PSH
from netemu.stack import route, tcp_output, tcp_transmit, wmem
from netemu.stack.skb_alloc import MAX_TCP_HEADER_BYTES, skb_truesize
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_CA_Open
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ACCECN
from netemu.stack.tcp_fragment import tcp_eat_one_skb, tcp_set_skb_tso_segs
from netemu.stack.tcp_h import tcp_packets_in_flight

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_HEADER_BYTES = 20
TCP_MSS_DEFAULT = 536
AF_INET6 = 10


def net_header_len(sk: TcpSock) -> int:
    """Bytes of the IP header (icsk_af_ops->net_header_len): IPv4's for a mapped peer of an IPv6 socket, too."""
    if sk.sk_family != AF_INET6 or (sk.inet_daddr and ":" not in sk.inet_daddr):
        return 20
    return 40


def tcp_mss_clamp(sk: TcpSock, mss: int) -> int:
    """``mss``, or TCP_MAXSEG where that is less (include/linux/tcp.h)."""
    return sk.user_mss if sk.user_mss and sk.user_mss < mss else mss


def tcp_advertise_mss(sk: TcpSock) -> int:
    """The MSS that a SYN announces: the first hop's, never raised later."""
    dst = route.sk_dst_get(sk)
    if dst is not None:
        sk.advmss = min(sk.advmss, route.dst_metric_advmss(dst))
    return sk.advmss


def tcp_bound_to_half_wnd(sk: TcpSock, packet_size: int) -> int:
    """``packet_size``, but no more than half the largest window the peer ever offered (all of a tiny one)."""
    largest = sk.max_window
    cutoff = largest >> 1 if largest > TCP_MSS_DEFAULT else largest
    if cutoff and packet_size > cutoff:
        return max(cutoff, 68 - sk.tcp_header_len)
    return packet_size


def __tcp_mtu_to_mss(sk: TcpSock, pmtu: int) -> int:
    """Payload of a packet of ``pmtu`` bytes without options, as far as the peer takes it."""
    mss = min(pmtu - net_header_len(sk) - TCP_HEADER_BYTES, sk.mss_clamp) - sk.icsk_ext_hdr_len
    return max(mss, sk.net.sysctl.tcp_min_snd_mss)


def tcp_mtu_to_mss(sk: TcpSock, pmtu: int) -> int:
    """The same with the usual options."""
    return __tcp_mtu_to_mss(sk, pmtu) - (sk.tcp_header_len - TCP_HEADER_BYTES)


def tcp_mss_to_mtu(sk: TcpSock, mss: int) -> int:
    """The packet that ``mss`` payload bytes make."""
    return mss + sk.tcp_header_len + sk.icsk_ext_hdr_len + net_header_len(sk)


def tcp_sync_mss(sk: TcpSock, pmtu: int) -> int:
    """Take note of the path MTU ``pmtu``; the new ``mss_cache``."""
    sk.mtup_search_high = min(sk.mtup_search_high, pmtu)
    mss_now = tcp_bound_to_half_wnd(sk, tcp_mtu_to_mss(sk, pmtu))
    sk.icsk_pmtu_cookie = pmtu
    if sk.mtup_enabled:
        mss_now = min(mss_now, tcp_mtu_to_mss(sk, sk.mtup_search_low))
    sk.mss_cache = mss_now
    return mss_now


def tcp_current_mss(sk: TcpSock) -> int:
    """What the next segment may carry: follows the path MTU, leaves room for the SACK blocks of the moment."""
    mss_now = sk.mss_cache
    dst = sk.sk_dst
    if dst is not None:
        mtu = route.dst_mtu(dst) if dst.pmtu else dst.mtu
        if mtu != sk.icsk_pmtu_cookie:
            mss_now = tcp_sync_mss(sk, mtu)
    if (
        sk.selective_acks
        or sk.duplicate_sack is not None
        or sk.ecn_flags & TCP_ECN_MODE_ACCECN
        or (sk.tcp_header_len != (32 if sk.tstamp_ok else 20))
    ):
        header = TCP_HEADER_BYTES + tcp_transmit.tcp_established_options_size(sk)
        mss_now -= header - sk.tcp_header_len
    return mss_now


# ---- probing for a larger path MTU (RFC 4821)


def tcp_mtup_init(sk: TcpSock) -> None:
    """Begin the search between tcp_base_mss and the peer's MSS; tcp_mtu_probing 2 probes from the start."""
    sysctl = sk.net.sysctl
    sk.mtup_enabled = sysctl.tcp_mtu_probing > 1
    sk.mtup_search_high = sk.mss_clamp + TCP_HEADER_BYTES + net_header_len(sk)
    sk.mtup_search_low = tcp_mss_to_mtu(sk, sysctl.tcp_base_mss)
    sk.mtup_probe_size = 0
    if sk.mtup_enabled:
        sk.mtup_probe_timestamp = sk.net.jiffies


def tcp_mtu_check_reprobe(sk: TcpSock) -> None:
    """Search anew when the last search ended tcp_probe_interval seconds ago."""
    if sk.net.jiffies - sk.mtup_probe_timestamp >= sk.net.sysctl.tcp_probe_interval * sk.net.profile.hz:
        sk.mtup_probe_size = 0
        sk.mtup_search_high = sk.mss_clamp + TCP_HEADER_BYTES + net_header_len(sk)
        sk.mtup_search_low = tcp_mss_to_mtu(sk, tcp_current_mss(sk))
        sk.mtup_probe_timestamp = sk.net.jiffies


def tcp_mtu_probe(sk: TcpSock) -> int:
    """Send a probe if it is time: 1 sent, 0 wait for room to send one, -1 no probe now."""
    if (
        not sk.mtup_enabled
        or sk.mtup_probe_size
        or sk.icsk_ca_state != TCP_CA_Open
        or sk.snd_cwnd < 11
        or sk.selective_acks
        or sk.duplicate_sack is not None
    ):
        return -1
    mss_now = tcp_current_mss(sk)
    probe_size = tcp_mtu_to_mss(sk, (sk.mtup_search_high + sk.mtup_search_low) >> 1)
    verdict = _probe_verdict(sk, probe_size)
    if verdict is not None:
        return verdict
    probe = _build_probe(sk, probe_size, mss_now)
    if probe is None or tcp_transmit.tcp_transmit_skb(sk, probe, True):
        return -1
    # It counts as two: the probe is larger than a segment.
    sk.snd_cwnd -= 1
    tcp_output.tcp_event_new_data_sent(sk, probe)
    sk.mtup_probe_size = tcp_mss_to_mtu(sk, len(probe.data))
    sk.mtu_probe_seq_start, sk.mtu_probe_seq_end = probe.seq, probe.end_seq
    return 1


def _probe_verdict(sk: TcpSock, probe_size: int) -> int | None:
    """tcp_mtu_probe's reasons not to probe now: -1 none, 0 wait; None: probe."""
    size_needed = probe_size + (sk.reordering + 1) * sk.mss_cache
    interval = sk.mtup_search_high - sk.mtup_search_low
    if probe_size > tcp_mtu_to_mss(sk, sk.mtup_search_high) or interval < sk.net.sysctl.tcp_probe_threshold:
        tcp_mtu_check_reprobe(sk)
        return -1
    if sk.write_seq - sk.snd_nxt < size_needed or sk.snd_wnd < size_needed:
        return -1
    if sk.snd_nxt + size_needed > sk.snd_una + sk.snd_wnd:
        return 0
    in_flight = tcp_packets_in_flight(sk)
    if in_flight + 2 > sk.snd_cwnd:
        return 0 if in_flight else -1
    return None if _can_coalesce_send_queue_head(sk, probe_size) else -1


def _can_coalesce_send_queue_head(sk: TcpSock, length: int) -> bool:
    """Whether ``length`` bytes at the head of the queue may become one segment."""
    for skb in sk.sk_write_queue:
        if length <= len(skb.data):
            break
        if skb.eor:
            return False
        length -= len(skb.data)
    return True


def _build_probe(sk: TcpSock, probe_size: int, mss_now: int) -> SkBuff | None:
    """Move ``probe_size`` bytes from the head of the send queue into one segment before them; None: no memory."""
    probe = wmem.tcp_stream_alloc_skb(sk, force_schedule=False)
    if probe is None or not wmem.sk_wmem_schedule(sk, probe.truesize + probe_size):
        return None
    head = sk.sk_write_queue.head
    assert head is not None  # _probe_verdict saw bytes waiting
    if sk.net.profile.probe_of_pages:
        probe.truesize += probe_size
    else:
        probe.truesize = skb_truesize(MAX_TCP_HEADER_BYTES + probe_size, sk.net.profile.skb_small_heads)
    wmem.sk_wmem_queued_add(sk, probe.truesize)
    wmem.sk_mem_charge(sk, probe.truesize)
    probe.seq, probe.end_seq, probe.tcp_flags = head.seq, head.seq + probe_size, ACK
    sk.sk_write_queue.prepend(probe)
    parts, missing = [], probe_size
    skb = probe.next
    while missing and skb is not None:
        following = skb.next
        copy = min(len(skb.data), missing)
        parts.append(skb.data[:copy])
        if copy == len(skb.data):
            tcp_eat_one_skb(sk, probe, skb)
        else:
            probe.tcp_flags |= skb.tcp_flags & ~(FIN | PSH)
            # The kernel does not take these bytes from truesize here (__pskb_trim_head alone).
            skb.data = skb.data[copy:]
            tcp_set_skb_tso_segs(skb, mss_now)
            skb.seq += copy
        missing -= copy
        skb = following
    probe.data = b"".join(parts)
    probe.tcp_gso_segs = 1
    return probe
