"""One segment leaves: its header, its options, and what the socket remembers of it (net/ipv4/tcp_output.c).

``tcp_transmit_skb`` is the only way out of an established socket: data, retransmissions, ACKs, probes and resets all
pass through it. Options are values here; how they are padded stands in :mod:`netemu.packet.bytes`, and what they cost
in bytes in :func:`tcp_options_size`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import NO_OPTIONS, Options, Tcp
from netemu.packet.tcp import ACK, PSH, SYN, URG
from netemu.packet.tcp_options import options_to
from netemu.stack import ip_output, tcp_accecn, tcp_ack_snd, tcp_ecn, tcp_mss, tcp_rate, tcp_window
from netemu.stack.cong import CA_EVENT_TX_START
from netemu.stack.skb_alloc import sent
from netemu.stack.skbuff import SkBuff
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ACCECN, of, tcp_ecn_mode_accecn
from netemu.stack.tcp_fastopen_h import with_cookie

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

MAX_TCP_OPTION_SPACE = 40
TCP_HEADER_BYTES = 20  # sizeof(struct tcphdr)
TCPOLEN_TSTAMP_ALIGNED, TCPOLEN_WSCALE_ALIGNED, TCPOLEN_MSS_ALIGNED, TCPOLEN_SACKPERM_ALIGNED = 12, 4, 4, 4
TCPOLEN_SACK_BASE_ALIGNED, TCPOLEN_SACK_PERBLOCK = 4, 8

_MASK = 0xFFFFFFFF
_HEAD_TRUESIZE = sent(0)[0]  # what a segment is charged beside its payload


def tcp_options_size(options: Options) -> int:
    """Bytes of ``options`` on the wire with their padding, a multiple of 4 (tcp_options_write)."""
    size = 0
    if options.mss is not None:
        size += TCPOLEN_MSS_ALIGNED
    if options.ts_val is not None:
        size += TCPOLEN_TSTAMP_ALIGNED
    elif options.sack_permitted:
        size += TCPOLEN_SACKPERM_ALIGNED
    if options.window_scale is not None:
        size += TCPOLEN_WSCALE_ALIGNED
    if options.sack:
        size += TCPOLEN_SACK_BASE_ALIGNED + TCPOLEN_SACK_PERBLOCK * len(options.sack)
    if options.accecn is not None:
        return len(options_to(options))
    if options.other:
        size += (sum(2 + len(value) for _, value in options.other) + 3) & ~3
    return size


def tcp_syn_options(sk: TcpSock, skb: SkBuff) -> Options:
    """What a SYN, or the SYN-ACK of a simultaneous open, announces."""
    sysctl = sk.net.sysctl
    ts_val = ts_ecr = None
    if sysctl.tcp_timestamps:
        ts_val = (skb.skb_mstamp_ns // sk.net.ts_tick_ns + sk.tsoffset) & _MASK
        ts_ecr = sk.ts_recent
    options = Options(
        tcp_mss.tcp_advertise_mss(sk),
        sk.rcv_wscale if sysctl.tcp_window_scaling else None,
        sysctl.tcp_sack,
        ts_val,
        ts_ecr,
    )
    fo = sk.tfo.fastopen_req
    if fo is None or fo.cookie.value is None:
        return options
    found = with_cookie(options, fo.cookie, MAX_TCP_OPTION_SPACE - tcp_options_size(options))
    if found is not options:
        sk.tfo.syn_fastopen, sk.tfo.syn_fastopen_exp = True, fo.cookie.exp
    return found


def sack_blocks(sk: TcpSock) -> tuple[tuple[int, int], ...]:
    """The blocks that the next segment reports, as many as fit: a duplicate first (RFC 2883), then the latest."""
    blocks = sk.selective_acks
    if sk.duplicate_sack is not None:
        blocks = [sk.duplicate_sack, *blocks]
    room = MAX_TCP_OPTION_SPACE - (TCPOLEN_TSTAMP_ALIGNED if sk.tstamp_ok else 0) - TCPOLEN_SACK_BASE_ALIGNED
    return tuple([(start & _MASK, end & _MASK) for start, end in blocks[: room // TCPOLEN_SACK_PERBLOCK]])


def tcp_established_options_size(sk: TcpSock) -> int:
    """Bytes of the options that a segment of the connection carries now."""
    size = TCPOLEN_TSTAMP_ALIGNED if sk.tstamp_ok else 0
    count = len(sk.selective_acks) + (sk.duplicate_sack is not None)
    if count:
        room = MAX_TCP_OPTION_SPACE - size - TCPOLEN_SACK_BASE_ALIGNED
        count = min(count, room // TCPOLEN_SACK_PERBLOCK)
        size += TCPOLEN_SACK_BASE_ALIGNED + TCPOLEN_SACK_PERBLOCK * count
    if tcp_ecn_mode_accecn(sk):
        size += tcp_accecn.established_fields(sk, MAX_TCP_OPTION_SPACE - size, count)[1]
    return size


def _with_accecn(sk: TcpSock, options: Options) -> Options:
    """The same with the counters of Accurate ECN, for which a SACK block may have to go."""
    size = tcp_options_size(options)
    fields, _, sacks = tcp_accecn.established_fields(sk, MAX_TCP_OPTION_SPACE - size, len(options.sack))
    tcp_accecn.option_sent(sk, fields >= 0)
    if fields < 0:
        return options
    option = tcp_accecn.accecn_option(of(sk).received_ecn_bytes, fields)
    return Options(None, None, False, options.ts_val, options.ts_ecr, options.sack[:sacks], (), option)


def tcp_established_options(sk: TcpSock, skb: SkBuff) -> Options:
    """What every other segment of the connection carries: timestamps and SACK blocks. Reports a duplicate once."""
    sack: tuple[tuple[int, int], ...] = ()
    if sk.selective_acks or sk.duplicate_sack is not None:
        sack = sack_blocks(sk)
    options = Options(sack=sack) if sack else NO_OPTIONS
    if sk.tstamp_ok:
        ts_val = (skb.skb_mstamp_ns // sk.net.ts_tick_ns + sk.tsoffset) & _MASK
        options = Options(None, None, False, ts_val, sk.ts_recent, sack)
    if tcp_ecn_mode_accecn(sk):
        options = _with_accecn(sk, options)
    sk.duplicate_sack = None
    return options


def tcp_urg_mode(sk: TcpSock) -> bool:
    """Whether urgent data is on its way."""
    return sk.snd_una != sk.snd_up


def tcp_transmit_skb(sk: TcpSock, skb: SkBuff, clone_it: bool) -> int:
    """Send ``skb``; 0, or a negative errno when it could not leave. ``clone_it``: it stays in a queue."""
    return __tcp_transmit_skb(sk, skb, clone_it, sk.rcv_nxt)


def __tcp_transmit_skb(sk: TcpSock, skb: SkBuff, clone_it: bool, rcv_nxt: int) -> int:
    """The same with an acknowledgement number of the caller's (__tcp_transmit_skb)."""
    prior_wstamp = wstamp = sk.tcp_wstamp_ns
    if wstamp < sk.tcp_clock_cache:
        wstamp = sk.tcp_wstamp_ns = sk.tcp_clock_cache
    skb.skb_mstamp_ns = wstamp
    flags, data, urgent = skb.tcp_flags, skb.data, 0
    if flags & SYN:
        options = tcp_syn_options(sk, skb)
        length = TCP_HEADER_BYTES + tcp_options_size(options)
        window = min(sk.rcv_wnd, 65535)
    else:
        plain = not sk.selective_acks and sk.duplicate_sack is None and not sk.ecn_flags & TCP_ECN_MODE_ACCECN
        if plain and sk.tstamp_ok:
            # tcp_established_options of nearly every segment
            options = Options(None, None, False, (wstamp // sk.net.ts_tick_ns + sk.tsoffset) & _MASK, sk.ts_recent)
            length = TCP_HEADER_BYTES + TCPOLEN_TSTAMP_ALIGNED
        else:
            length = TCP_HEADER_BYTES + tcp_established_options_size(sk)
            options = tcp_established_options(sk, skb)
        if skb.tcp_gso_segs > 1:
            flags |= PSH  # the clone that leaves has it, the segment in the queue has not
        window = tcp_window.tcp_select_window(sk)
        if sk.ecn_flags:
            flags = tcp_ecn.tcp_ecn_send(sk, skb, flags)
    seq = skb.seq
    if sk.snd_una != sk.snd_up and seq < sk.snd_up:
        urgent, flags = _urgent_pointer(sk, skb, flags)
    if flags & ACK:
        tcp_event_ack_sent(sk, rcv_nxt)
    if data:
        tcp_event_data_sent(sk, skb)
        length += len(data)
    segments = skb.tcp_gso_segs
    if skb.end_seq > sk.snd_nxt or seq == skb.end_seq:
        sk.net.mib.counts["OutSegs"] += segments  # a retransmission counts as RetransSegs alone
    sk.segs_out += segments
    truesize = skb.truesize if data and skb.truesize != _HEAD_TRUESIZE + len(data) else 0
    segment = Tcp(
        sk.inet_sport, sk.inet_dport, seq & _MASK, rcv_nxt & _MASK, flags, window, data, options, urgent, truesize,
        skb.gso_size if segments > 1 else 0,
    )  # fmt: skip
    qdisc = sk.net.qdisc
    err = ip_output.ip_queue_xmit(sk, segment, length) if qdisc is None else qdisc.xmit(sk, skb, segment, length)
    if not err and clone_it:
        _after_send(sk, skb, prior_wstamp)
    return err


def _after_send(sk: TcpSock, skb: SkBuff, prior_wstamp: int) -> None:
    """What is remembered of a queued segment that left."""
    net = sk.net
    if net.context != "process" and not net.behind_tun and net.qdisc is None:
        # The device takes it when this softirq is over; a process's is taken at once (local_bh_enable), and a tun
        # device lets go of the sender's memory when it gets a packet (tun_net_xmit, drivers/net/tun.c). fq counts.
        if not sk.sk_wmem_alloc:
            net.tx_socks.append(sk)
        sk.sk_wmem_alloc += skb.truesize
    if net.profile.ack_delay_by_in_flight:
        skb.tx_in_flight = skb.end_seq - sk.snd_una
    if sk.sk_pacing_needed or sk.sk_pacing_fq:
        tcp_update_wstamp(sk, skb, prior_wstamp)
    sk.tsorted_sent_queue.append(skb)
    tcp_rate.tcp_rate_skb_sent(sk, skb)


def _urgent_pointer(sk: TcpSock, skb: SkBuff, flags: int) -> tuple[int, int]:
    """Where urgent data ends, from this segment on, and the flags with URG."""
    if sk.snd_up < skb.seq + 0x10000:
        return sk.snd_up - skb.seq, flags | URG
    if skb.seq + 0xFFFF > sk.snd_nxt:
        return 0xFFFF, flags | URG
    return 0, flags


def tcp_update_wstamp(sk: TcpSock, skb: SkBuff, prior_wstamp: int) -> None:
    """When the next segment may leave under pacing (tcp_update_skb_after_send)."""
    rate = sk.sk_pacing_rate
    # As sch_fq, the first ten segments are not paced.
    if rate and rate != (1 << 64) - 1 and sk.data_segs_out >= 10:
        len_ns = len(skb.data) * 1_000_000_000 // rate
        credit = sk.tcp_wstamp_ns - prior_wstamp
        sk.tcp_wstamp_ns += len_ns - min(len_ns // 2, credit)


def tcp_event_data_sent(sk: TcpSock, skb: SkBuff) -> None:
    """Data leaves: congestion control learns of a first segment in flight, and replies make the session interactive."""
    if sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out == 0:
        sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_TX_START)
    now = sk.lsndtime = sk.net.timers.jiffies
    if now - sk.ack_lrcvtime < sk.ack_ato and sk.ack_pingpong < 255:
        sk.ack_pingpong += 1
    sk.data_segs_out += skb.tcp_gso_segs
    sk.bytes_sent += len(skb.data)


def tcp_event_ack_sent(sk: TcpSock, rcv_nxt: int) -> None:
    """An ACK leaves: what was delayed or compressed is done, and quick ACKs are used up."""
    if sk.compressed_ack:
        sk.net.mib.inc("TCPAckCompressed", sk.compressed_ack)
        sk.compressed_ack = 0
        sk.net.timers.del_timer(sk.compressed_ack_timer)
    if rcv_nxt != sk.rcv_nxt:
        return  # DCTCP reflecting a change of CE
    if sk.ack_quick:
        tcp_ack_snd.tcp_dec_quickack_mode(sk)
    # inet_csk_clear_xmit_timer: the timer itself runs on and finds nothing to do.
    sk.ack_pending = 0
    sk.ack_retry = 0
