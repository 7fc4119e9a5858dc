"""A connection in the SYN queue: ``struct request_sock``, ``inet_request_sock`` and ``tcp_request_sock`` as one record.

Sequence numbers are unbounded, as everywhere in the stack: ``rcv_isn`` is the wire's number of the SYN, ``snt_isn`` in
[0, 2**32).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.route import Dst
from netemu.stack.sock import TCP_NEW_SYN_RECV, TcpSock
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack


def _unarmed() -> Timer:
    return Timer(_no_timer)


def _no_timer() -> None:
    raise AssertionError("the timer of a request sock fired before it was hashed")


class RequestSock:
    """A SYN that ``rsk_listener`` answered. ``mss``: the peer's option, clamped; ``snt_synack`` in us."""

    net: LinuxStack
    rsk_listener: TcpSock
    family: int
    ir_loc_addr: str
    ir_num: int
    ir_rmt_addr: str
    ir_rmt_port: int
    dst: Dst
    sk_state: int = TCP_NEW_SYN_RECV
    sk_cookie: int = 0
    mss: int = 536
    num_retrans: int = 0
    num_timeout: int = 0
    timeout: int = 0  # of the SYN-ACK timer at first
    rsk_timer: Timer
    rsk_rcv_wnd: int = 0
    rsk_window_clamp: int = 0
    ts_recent: int = 0
    syncookie: bool = False
    snd_wscale: int = 0
    rcv_wscale: int = 0
    tstamp_ok: bool = False
    sack_ok: bool = False
    wscale_ok: bool = False
    ecn_ok: bool = False
    acked: bool = False
    rcv_isn: int = 0
    snt_isn: int = 0
    rcv_nxt: int = 0
    ts_off: int = 0
    snt_synack: int = 0  # us; 0: never sent
    snt_tsval_first: int = 0
    snt_tsval_last: int = 0
    last_oow_ack_time: int = 0
    syn_tos: int = 0
    syn_ect_snt: int = 0
    syn_ect_rcv: int = 0
    accecn_ok: bool = False
    saw_accecn_opt: int = 0
    accecn_fail_mode: int = 0
    sk: TcpSock | None = None  # the connection that Fast Open made of it, until it is accepted

    def __init__(  # noqa: PLR0917 (what it is made of)
        self,
        net: LinuxStack,
        rsk_listener: TcpSock,
        family: int,
        ir_loc_addr: str,
        ir_num: int,
        ir_rmt_addr: str,
        ir_rmt_port: int,
        dst: Dst,
    ) -> None:
        self.net = net
        self.rsk_listener = rsk_listener
        self.family = family
        self.ir_loc_addr = ir_loc_addr
        self.ir_num = ir_num
        self.ir_rmt_addr = ir_rmt_addr
        self.ir_rmt_port = ir_rmt_port
        self.dst = dst
        self.rsk_timer = _unarmed()

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Where it is in the table of established connections."""
        return (self.ir_loc_addr, self.ir_num, self.ir_rmt_addr, self.ir_rmt_port)
