"""Congestion control plugs in behind the kernel's own member names (struct tcp_congestion_ops, include/net/tcp.h).

A control is one object for all sockets; what it keeps of one socket it puts in ``sk.icsk_ca_priv``. Plug-ins come by
the entry-point group ``netemu.congestion``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

CA_EVENT_TX_START, CA_EVENT_CWND_RESTART, CA_EVENT_COMPLETE_CWR = "tx_start", "cwnd_restart", "complete_cwr"
CA_EVENT_LOSS, CA_EVENT_ECN_NO_CE, CA_EVENT_ECN_IS_CE = "loss", "ecn_no_ce", "ecn_is_ce"
"""enum tcp_ca_event."""


class RateSample:
    """``struct rate_sample``: what one ACK delivered, over which time. Times in us, amounts in segments."""

    __slots__ = (
        "acked_sacked", "delivered", "delivered_ce", "interval_us", "is_ack_delayed", "is_app_limited", "is_retrans",
        "last_end_seq", "losses", "prior_delivered", "prior_delivered_ce", "prior_in_flight", "prior_mstamp",
        "rcv_interval_us", "rtt_us", "snd_interval_us",
    )  # fmt: skip

    def __init__(self) -> None:
        self.prior_mstamp = self.prior_delivered = self.prior_delivered_ce = self.delivered = self.delivered_ce = 0
        self.interval_us = self.snd_interval_us = self.rcv_interval_us = 0
        self.rtt_us = -1
        self.losses = self.acked_sacked = self.prior_in_flight = self.last_end_seq = 0
        self.is_app_limited = self.is_retrans = self.is_ack_delayed = False


class AckSample:
    """``struct ack_sample``: of one ACK, for ``pkts_acked``."""

    __slots__ = ("in_flight", "pkts_acked", "rtt_us")

    def __init__(self, pkts_acked: int, rtt_us: int, in_flight: int) -> None:
        self.pkts_acked, self.rtt_us, self.in_flight = pkts_acked, rtt_us, in_flight


class CongestionOps(Protocol):
    """Members as in the kernel. ``name``: TCP_CONGESTION's; ``needs_ecn``; ``has_cong_control``: it sets window and
    pacing itself, instead of ``cong_avoid``."""

    name: str
    needs_ecn: bool
    has_cong_control: bool

    def init(self, sk: TcpSock) -> None: ...
    def release(self, sk: TcpSock) -> None: ...
    def ssthresh(self, sk: TcpSock) -> int: ...
    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None: ...
    def set_state(self, sk: TcpSock, new_state: int) -> None: ...
    def cwnd_event(self, sk: TcpSock, event: str) -> None: ...
    def in_ack_event(self, sk: TcpSock, flags: int) -> None: ...
    def pkts_acked(self, sk: TcpSock, sample: AckSample) -> None: ...
    def undo_cwnd(self, sk: TcpSock) -> int: ...
    def cong_control(self, sk: TcpSock, ack: int, flag: int, rs: RateSample) -> None: ...
    def sndbuf_expand(self, sk: TcpSock) -> int: ...
    def min_tso_segs(self, sk: TcpSock) -> int: ...
