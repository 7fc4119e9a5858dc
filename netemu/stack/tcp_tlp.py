"""The tail loss probe (RFC 8985 section 7): two round trips after the last transmission send something, so that its
ACK tells what was lost at the end, long before the retransmission timeout would (net/ipv4/tcp_output.c, tcp_input.c).

``tlp_high_seq``: snd_nxt when a probe was sent, 0 when none is out; ``tlp_retrans``: whether it was a retransmission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import (
    tcp_cong,
    tcp_fragment,
    tcp_mss,
    tcp_output,
    tcp_prr,
    tcp_retransmit,
    tcp_timer,
    tcp_undo,
)
from netemu.stack.jiffies import usecs_to_jiffies
from netemu.stack.sock import ICSK_TIME_LOSS_PROBE, TCP_CA_CWR, TCP_NAGLE_OFF, TCP_CA_Open
from netemu.stack.tcp_h import (
    FLAG_DATA_SACKED,
    FLAG_DSACK_TLP,
    FLAG_DSACKING_ACK,
    FLAG_NOT_DUP,
    FLAG_SND_UNA_ADVANCED,
    TCP_TIMEOUT_MIN_US,
    tcp_rto_delta_us,
    tcp_rto_min_us,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_schedule_loss_probe(sk: TcpSock, advancing_rto: bool) -> bool:
    """Arm the probe if the connection may use one; whether it was.

    With one segment out the peer may delay its ACK, so that much is added. The probe never comes after the RTO:
    ``advancing_rto`` says that this counts from now.
    """
    if sk.fastopen_rsk is not None or not sk.packets_out:
        return False
    if sk.net.sysctl.tcp_early_retrans not in (3, 4) or not sk.sack_ok:
        return False
    state = sk.icsk_ca_state
    old = sk.net.profile.tlp_pto_of_3_10
    if state not in (TCP_CA_Open, TCP_CA_CWR) or (old and not _wanted_in_3_10(sk)):
        return False
    hz = sk.net.profile.hz
    if old:
        timeout = _pto_of_3_10(sk.srtt_us >> 3, sk.packets_out, hz)
    elif sk.srtt_us:
        timeout_us = sk.srtt_us >> 2
        timeout_us += tcp_rto_min_us(sk) if sk.packets_out == 1 else TCP_TIMEOUT_MIN_US
        timeout = usecs_to_jiffies(timeout_us, hz)
    else:
        timeout = hz  # TCP_TIMEOUT_INIT
    rto_delta_us = sk.icsk_rto * (1_000_000 // hz) if advancing_rto else tcp_rto_delta_us(sk)
    if rto_delta_us > 0:
        timeout = min(timeout, usecs_to_jiffies(rto_delta_us, hz))
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_LOSS_PROBE, timeout, True)
    return True


def _wanted_in_3_10(sk: TcpSock) -> bool:
    """In state Open, after a measurement, and where nothing else is about to be sent."""
    in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
    more = sk.snd_cwnd > in_flight and sk.sk_write_queue.head is not None
    return sk.icsk_ca_state == TCP_CA_Open and sk.srtt_us >> 3 > 0 and not more


def _pto_of_3_10(rtt_us: int, packets_out: int, hz: int) -> int:
    """Jiffies to the probe up to 4.12: two round trips, or one and a half and a delayed ACK for one segment."""
    rtt = usecs_to_jiffies(rtt_us, hz)
    timeout = rtt << 1
    if packets_out == 1:
        timeout = max(timeout, rtt + (rtt >> 1) + hz // 5)
    return max(timeout, hz // 100)


def tcp_send_loss_probe(sk: TcpSock) -> None:
    """The probe's timer fired: send a new segment if the peer's window allows one, else the last one again."""
    mss = tcp_mss.tcp_current_mss(sk)
    if not sk.tlp_high_seq and _probe(sk, mss):
        sk.tlp_high_seq = sk.snd_nxt
        sk.net.mib.inc("TCPLossProbes")
        sk.icsk_pending = 0  # tcp_rearm_rto counts from now
    tcp_timer.tcp_rearm_rto(sk)


def _probe(sk: TcpSock, mss: int) -> bool:
    """Whether a probe left."""
    sk.tlp_retrans = False
    new = sk.sk_write_queue.head
    if new is not None and tcp_output.tcp_snd_wnd_test(sk, new, mss):
        packets_out = sk.packets_out
        tcp_output.tcp_write_xmit(sk, mss, TCP_NAGLE_OFF, 2)
        return sk.packets_out > packets_out
    skb = sk.tcp_rtx_queue.tail
    if skb is None:
        return False
    if tcp_retransmit.skb_still_in_host_queue(sk, skb):
        return False
    pcount = skb.tcp_gso_segs
    if pcount > 1 and len(skb.data) > (pcount - 1) * mss:
        if tcp_fragment.tcp_fragment(sk, tcp_fragment.TCP_FRAG_IN_RTX_QUEUE, skb, (pcount - 1) * mss, mss):
            return False
        assert skb.next is not None
        skb = skb.next
    if tcp_retransmit.__tcp_retransmit_skb(sk, skb, 1):
        return False
    sk.tlp_retrans = True
    return True


def tcp_process_tlp_ack(sk: TcpSock, ack: int, flag: int) -> None:
    """An ACK while a probe is out: the episode ends when the probe's sequence is reached.

    If a retransmitted probe was the only copy of its segment that arrived, a loss was repaired: the window is reduced.
    A D-SACK or a plain duplicate says that the original arrived too.
    """
    if ack < sk.tlp_high_seq:
        return
    if not sk.tlp_retrans or flag & (FLAG_DSACK_TLP if sk.net.profile.probe_dsack_apart else FLAG_DSACKING_ACK):
        sk.tlp_high_seq = 0
    elif ack > sk.tlp_high_seq:
        tcp_prr.tcp_init_cwnd_reduction(sk)
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_CWR)
        tcp_prr.tcp_end_cwnd_reduction(sk)
        tcp_undo.tcp_try_keep_open(sk)
        sk.net.mib.inc("TCPLossProbeRecovery")
    elif not flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED):
        sk.tlp_high_seq = 0
