"""What a process or a monitor may read of a socket: TCP_INFO and SO_MEMINFO (tcp_get_info, sk_get_meminfo)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import CE, ECT_0, ECT_1
from netemu.stack import tcp_h
from netemu.stack.jiffies import jiffies_to_msecs, jiffies_to_usecs
from netemu.stack.sock import TCP_LISTEN
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ACCECN, TCP_ECN_MODE_ANY, TCP_ECN_MODE_RFC3168, AccEcn
from netemu.stack.tcp_ecn import TCP_ECN_SEEN

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.udp_sock import UdpSock

TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN = 1, 2, 4, 8, 16
TCPI_OPT_SYN_DATA, TCPI_OPT_TFO_CHILD = 32, 128
_U32 = 0xFFFFFFFF


def sk_get_meminfo(sk: TcpSock | UdpSock) -> tuple[int, ...]:
    """SO_MEMINFO: rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops."""
    return (
        sk.sk_rmem_alloc, sk.sk_rcvbuf, sk.sk_wmem_alloc, sk.sk_sndbuf, sk.sk_forward_alloc & 0xFFFFFFFF,
        sk.sk_wmem_queued, 0, sk.sk_backlog_len, sk.sk_drops,
    )  # fmt: skip


def tcp_get_info(sk: TcpSock) -> dict[str, int]:
    """``struct tcp_info`` by the names that :mod:`netemu.agents.tcp_info` decodes, as many as the era has."""
    info = {
        "tcpi_state": sk.sk_state,
        "tcpi_pacing_rate": sk.sk_pacing_rate,
        "tcpi_max_pacing_rate": sk.sk_max_pacing_rate,
        "tcpi_reordering": sk.reordering,
        "tcpi_snd_cwnd": sk.snd_cwnd,
    }
    if sk.sk_state == TCP_LISTEN:
        return info | {"tcpi_unacked": sk.sk_ack_backlog, "tcpi_sacked": sk.sk_max_ack_backlog} | _ZERO_OF_LISTEN
    info |= _connection(sk) | _timing(sk) | _counts(sk)
    return info if "tcp_ecn_option" in sk.net.profile.sysctls_lacking else info | _accecn(sk)


_ZERO_OF_LISTEN = {"tcpi_ca_state": 0, "tcpi_rehash": 0}


_ECN_MODES = {0: 0, TCP_ECN_MODE_RFC3168: 1, TCP_ECN_MODE_ACCECN: 2, TCP_ECN_MODE_ANY: 3}
"""tcpi_ecn_mode since 7.0: none, classic, accurate, asked for."""
_NO_MARKS = AccEcn()


def _accecn(sk: TcpSock) -> dict[str, int]:
    state = sk.accecn or _NO_MARKS
    return {
        "tcpi_received_ce": state.received_ce,
        "tcpi_delivered_e1_bytes": state.delivered_ecn_bytes[ECT_1] & _U32,
        "tcpi_delivered_e0_bytes": state.delivered_ecn_bytes[ECT_0] & _U32,
        "tcpi_delivered_ce_bytes": state.delivered_ecn_bytes[CE] & _U32,
        "tcpi_received_e1_bytes": state.received_ecn_bytes[ECT_1] & _U32,
        "tcpi_received_e0_bytes": state.received_ecn_bytes[ECT_0] & _U32,
        "tcpi_received_ce_bytes": state.received_ecn_bytes[CE] & _U32,
        "tcpi_ecn_mode": _ECN_MODES[sk.ecn_flags & TCP_ECN_MODE_ANY],
        "tcpi_accecn_opt_seen": state.saw_opt,
        "tcpi_accecn_fail_mode": state.fail_mode,
        "tcpi_options2": 0,
    }


def _connection(sk: TcpSock) -> dict[str, int]:
    options = TCPI_OPT_TIMESTAMPS * sk.tstamp_ok | TCPI_OPT_SACK * bool(sk.sack_ok) | TCPI_OPT_WSCALE * sk.wscale_ok
    options |= TCPI_OPT_ECN * bool(sk.ecn_flags & TCP_ECN_MODE_ANY) | TCPI_OPT_ECN_SEEN * bool(
        sk.ecn_flags & TCP_ECN_SEEN
    )
    options |= TCPI_OPT_SYN_DATA * sk.tfo.syn_data_acked
    if sk.net.profile.tells_fastopen_child:
        options |= TCPI_OPT_TFO_CHILD * sk.tfo.syn_fastopen_child
    return {
        "tcpi_ca_state": sk.icsk_ca_state,
        "tcpi_retransmits": sk.icsk_retransmits,
        "tcpi_probes": sk.icsk_probes_out,
        "tcpi_backoff": sk.icsk_backoff,
        "tcpi_options": options,
        "tcpi_snd_wscale": sk.snd_wscale if sk.wscale_ok else 0,
        "tcpi_rcv_wscale": sk.rcv_wscale if sk.wscale_ok else 0,
        "tcpi_delivery_rate_app_limited": int(sk.rate_app_limited),
        "tcpi_fastopen_client_fail": sk.tfo.fastopen_client_fail,
        "tcpi_snd_mss": sk.mss_cache,
        "tcpi_rcv_mss": sk.ack_rcv_mss,
        "tcpi_unacked": sk.packets_out,
        "tcpi_sacked": sk.sacked_out,
        "tcpi_lost": sk.lost_out,
        "tcpi_retrans": sk.retrans_out,
        "tcpi_fackets": 0,
        "tcpi_pmtu": sk.icsk_pmtu_cookie,
        "tcpi_rcv_ssthresh": sk.rcv_ssthresh,
        "tcpi_snd_ssthresh": sk.snd_ssthresh,
        "tcpi_advmss": sk.advmss,
        "tcpi_rcv_space": sk.rcvq_space_space,
        "tcpi_snd_wnd": sk.snd_wnd,
        "tcpi_rcv_wnd": sk.rcv_wnd,
        "tcpi_notsent_bytes": max(0, sk.write_seq - sk.snd_nxt),
    }


def _timing(sk: TcpSock) -> dict[str, int]:
    hz, now = sk.net.profile.hz, sk.net.jiffies
    busy, rwnd_limited, sndbuf_limited = _chrono_us(sk)
    info = {
        "tcpi_rto": jiffies_to_usecs(sk.icsk_rto, hz),
        "tcpi_ato": jiffies_to_usecs(min(sk.ack_ato, sk.icsk_delack_max), hz),
        "tcpi_last_data_sent": jiffies_to_msecs(now - sk.lsndtime, hz) & 0xFFFFFFFF,
        "tcpi_last_ack_sent": 0,
        "tcpi_last_data_recv": jiffies_to_msecs(now - sk.ack_lrcvtime, hz) & 0xFFFFFFFF,
        "tcpi_last_ack_recv": jiffies_to_msecs(now - sk.rcv_tstamp, hz) & 0xFFFFFFFF,
        "tcpi_rtt": sk.srtt_us >> 3,
        "tcpi_rttvar": sk.mdev_us >> 2,
        "tcpi_rcv_rtt": sk.rcv_rtt_us >> 3,
        "tcpi_min_rtt": tcp_h.tcp_min_rtt(sk),
        "tcpi_delivery_rate": _delivery_rate(sk),
        "tcpi_busy_time": busy,
        "tcpi_rwnd_limited": rwnd_limited,
        "tcpi_sndbuf_limited": sndbuf_limited,
        "tcpi_total_rto_time": sk.total_rto_time,
    }
    if sk.rto_stamp:
        info["tcpi_total_rto_time"] += sk.net.now_ns // 1_000_000 - sk.rto_stamp
    return info


def _chrono_us(sk: TcpSock) -> tuple[int, int, int]:
    """tcp_get_info_chrono_stats: busy altogether, of that limited by the peer's window, and by the send buffer."""
    stats = list(sk.chrono_stat)
    if sk.chrono_type:
        stats[sk.chrono_type - 1] += sk.net.jiffies - sk.chrono_start
    busy, rwnd_limited, sndbuf_limited = (jiffies_to_usecs(value, sk.net.profile.hz) for value in stats)
    return busy + rwnd_limited + sndbuf_limited, rwnd_limited, sndbuf_limited


def _delivery_rate(sk: TcpSock) -> int:
    """tcp_compute_delivery_rate: bytes per second of the best recent sample."""
    if not sk.rate_delivered or not sk.rate_interval_us:
        return 0
    return sk.rate_delivered * sk.mss_cache * 1_000_000 // sk.rate_interval_us


def _counts(sk: TcpSock) -> dict[str, int]:
    return {
        "tcpi_total_retrans": sk.total_retrans,
        "tcpi_bytes_acked": sk.bytes_acked,
        "tcpi_bytes_received": sk.bytes_received,
        "tcpi_segs_out": sk.segs_out,
        "tcpi_segs_in": sk.segs_in,
        "tcpi_data_segs_in": sk.data_segs_in,
        "tcpi_data_segs_out": sk.data_segs_out,
        "tcpi_delivered": sk.delivered,
        "tcpi_delivered_ce": sk.delivered_ce,
        "tcpi_bytes_sent": sk.bytes_sent,
        "tcpi_bytes_retrans": sk.bytes_retrans,
        "tcpi_dsack_dups": sk.dsack_dups,
        "tcpi_reord_seen": sk.reord_seen,
        "tcpi_rcv_ooopack": sk.rcv_ooopack,
        "tcpi_rehash": 0,
        "tcpi_total_rto": sk.total_rto,
        "tcpi_total_rto_recoveries": sk.total_rto_recoveries,
    }
