"""Whether an arriving segment is acceptable at all: PAWS, sequence numbers, RST and SYN against RFC 5961.

Sources: tcp_validate_incoming and the functions it calls in net/ipv4/tcp_input.c, Linux 7.2. Each answer to a segment
that is not acceptable is limited: one per tcp_invalid_ratelimit ms and socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.stack import tcp_accecn, tcp_ack_snd, tcp_fastopen_active, tcp_input, tcp_rcv_sack, tcp_send
from netemu.stack.sock import TCP_CLOSE_WAIT, TCP_CLOSING, TCP_ESTABLISHED, TCP_LAST_ACK, TCP_SYN_RECV
from netemu.stack.tcp_accecn_h import tcp_ecn_mode_accecn
from netemu.stack.tcp_window import tcp_max_receive_window, tcp_receive_window

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCP_PAWS_WINDOW = 1
TCP_PAWS_WRAP_S = 0x7FFFFFFF // 1_000_000
TCP_PAWS_MSL_S = 60

OLD_SEQUENCE, INVALID_SEQUENCE, INVALID_END_SEQUENCE = "old", "beyond", "beyond the end"
PAWS, PAWS_OLD_ACK = "paws", "paws, old ack"


def signed32(value: int) -> int:
    """A difference of two 32-bit numbers as the kernel sees it: -2**31 to 2**31 - 1."""
    return (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def tcp_paws_check(sk: TcpSock, paws_win: int) -> bool:
    """Whether the timestamp just parsed is not older than ``ts_recent`` by more than ``paws_win`` (RFC 7323, 5.2)."""
    if signed32(sk.ts_recent - sk.rcv_tsval) <= paws_win:
        return True
    # After 24 days without a segment the clock may have wrapped; 0 came from peers that begin with it.
    return sk.net.now_ns // 1_000_000_000 >= sk.ts_recent_stamp + TCP_PAWS_WRAP_S or not sk.ts_recent


def tcp_paws_reject(sk: TcpSock, rst: bool) -> bool:
    """Whether PAWS refuses the segment outside an established connection; an RST only within a minute."""
    if tcp_paws_check(sk, 0):
        return False
    return not (rst and sk.net.now_ns // 1_000_000_000 >= sk.ts_recent_stamp + TCP_PAWS_MSL_S)


def tcp_may_update_window(sk: TcpSock, ack: int, ack_seq: int, nwin: int) -> bool:
    """Whether a segment is the newest word about the peer's window (RFC 9293 section 3.10.7.4)."""
    return ack > sk.snd_una or ack_seq > sk.snd_wl1 or (ack_seq == sk.snd_wl1 and (nwin > sk.snd_wnd or not nwin))


def tcp_disordered_ack_check(sk: TcpSock, skb: SkBuff) -> str | None:
    """Why a segment with an old timestamp is to be refused; None: it is a pure ACK that was merely overtaken."""
    if not skb.tcp_flags & ACK or skb.seq != skb.end_seq:
        return PAWS
    if skb.seq != sk.rcv_nxt:
        return PAWS_OLD_ACK if skb.seq < sk.rcv_nxt and sk.net.profile.paws_old_ack_ignored else PAWS
    if skb.ack_seq != sk.snd_una:
        return PAWS
    if tcp_may_update_window(sk, skb.ack_seq, skb.seq, skb.window << sk.snd_wscale):
        return PAWS
    replay = sk.icsk_rto * sk.net.profile.paws_replay_hz // sk.net.profile.hz
    return PAWS if signed32(sk.ts_recent - sk.rcv_tsval) > replay else None


def tcp_sequence(sk: TcpSock, skb: SkBuff) -> str | None:
    """Why a segment lies outside the window; None: it does not."""
    if skb.end_seq < sk.rcv_wup:
        return OLD_SEQUENCE
    if not sk.net.profile.end_seq_checked:
        return INVALID_SEQUENCE if skb.seq > sk.rcv_nxt + tcp_receive_window(sk) else None
    limit = sk.rcv_nxt + tcp_max_receive_window(sk)
    if skb.end_seq > limit:
        if skb.end_seq - (skb.tcp_flags & FIN) <= limit:
            return None
        if skb.seq > limit:
            return INVALID_SEQUENCE
        if sk.sk_receive_queue.head is not None:
            return INVALID_END_SEQUENCE
    return None


def tcp_reset_check(sk: TcpSock, skb: SkBuff) -> bool:
    """An RST with the FIN's own sequence number, as some systems send when they close (5.x, RFC 5961 would refuse)."""
    return skb.seq == sk.rcv_nxt - 1 and sk.sk_state in (TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING)


def tcp_send_dupack(sk: TcpSock, skb: SkBuff) -> None:
    """Answer a segment that is not acceptable; what is old is told of by D-SACK."""
    if skb.end_seq != skb.seq and skb.seq < sk.rcv_nxt:
        sk.net.mib.inc("DelayedACKLost")
        tcp_ack_snd.tcp_enter_quickack_mode(sk, tcp_ack_snd.TCP_MAX_QUICKACKS)
        if sk.sack_ok and sk.net.sysctl.tcp_dsack:
            if tcp_ecn_mode_accecn(sk):
                tcp_accecn.tcp_rcv_spurious_retrans(sk, skb)
            tcp_rcv_sack.tcp_dsack_set(sk, skb.seq, min(skb.end_seq, sk.rcv_nxt))
    tcp_send.tcp_send_ack(sk)


def tcp_validate_incoming(sk: TcpSock, skb: SkBuff, syn_inerr: bool) -> bool:
    """Whether the segment goes on to be processed; if not, it has been answered, or has reset the connection."""
    flags = skb.tcp_flags
    tcp_input.tcp_fast_parse_options(sk, skb)
    if sk.saw_tstamp and not tcp_paws_check(sk, TCP_PAWS_WINDOW):
        reason = tcp_disordered_ack_check(sk, skb)
        if reason is not None and not flags & RST:
            if flags & SYN:
                _syn_challenge(sk, syn_inerr)
            elif reason == PAWS_OLD_ACK:
                sk.net.mib.inc("PAWSOldAck")
            else:
                sk.net.mib.inc("PAWSEstab")
                if not tcp_input.tcp_oow_rate_limited(sk, skb, "TCPACKSkippedPAWS"):
                    tcp_send_dupack(sk, skb)
            sk.sk_drops += 1
            return False
    reason = tcp_sequence(sk, skb)
    if reason is not None:
        _out_of_window(sk, skb, reason, syn_inerr)
        return False
    if flags & RST:
        if _rst_is_exact(sk, skb):
            tcp_input.tcp_reset(sk)
        else:
            if sk.tfo.syn_fastopen and not sk.data_segs_in and sk.sk_state == TCP_ESTABLISHED:
                tcp_fastopen_active.tcp_fastopen_active_disable(sk)
            tcp_input.tcp_send_challenge_ack(sk)
            sk.sk_drops += 1
        return False
    return not flags & SYN or _takes_syn(sk, skb, syn_inerr)


def _takes_syn(sk: TcpSock, skb: SkBuff, syn_inerr: bool) -> bool:
    """A SYN inside the window: challenged, unless it is the answer to one that crossed ours (RFC 5961 section 4.2)."""
    accecn = tcp_ecn_mode_accecn(sk)
    if accecn:
        tcp_accecn.tcp_accecn_syn_in_connection(sk, skb)
    if _is_crossed_synack(sk, skb):
        return True
    _syn_challenge(sk, syn_inerr, accecn)
    sk.sk_drops += 1
    return False


def _out_of_window(sk: TcpSock, skb: SkBuff, reason: str, syn_inerr: bool) -> None:
    """An RST is dropped, anything else answered (RFC 9293 section 3.10.7.4, first)."""
    if skb.tcp_flags & RST:
        if tcp_reset_check(sk, skb):
            tcp_input.tcp_reset(sk)
            return
    elif skb.tcp_flags & SYN:
        _syn_challenge(sk, syn_inerr)
    else:
        if reason != OLD_SEQUENCE and sk.net.profile.end_seq_checked:
            sk.net.mib.inc("BeyondWindow")
        if not tcp_input.tcp_oow_rate_limited(sk, skb, "TCPACKSkippedSeq"):
            tcp_send_dupack(sk, skb)
    sk.sk_drops += 1


def _rst_is_exact(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether an RST hits ``rcv_nxt``, or the end of the highest SACK block: only that ends a connection (RFC 5961)."""
    if skb.seq == sk.rcv_nxt or tcp_reset_check(sk, skb):
        return True
    return sk.sack_ok and bool(sk.selective_acks) and skb.seq == max(end for _, end in sk.selective_acks)


def _is_crossed_synack(sk: TcpSock, skb: SkBuff) -> bool:
    """The SYN-ACK of a simultaneous open: it repeats the SYN that has come already (6.12)."""
    return (
        sk.net.profile.crossed_synack_accepted
        and sk.sk_state == TCP_SYN_RECV
        and sk.fd >= 0
        and skb.tcp_flags & ACK != 0
        and skb.seq + 1 == skb.end_seq == sk.rcv_nxt
        and skb.ack_seq == sk.snd_nxt
    )


def _syn_challenge(sk: TcpSock, syn_inerr: bool, accecn_reflector: bool = False) -> None:
    if syn_inerr:
        sk.net.mib.inc("InErrs")
    sk.net.mib.inc("TCPSYNChallenge")
    tcp_input.tcp_send_challenge_ack(sk, accecn_reflector)
