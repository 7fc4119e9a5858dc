"""One TCP socket: struct sock, inet_sock, inet_connection_sock and tcp_sock as one record with the kernel's names.

Fields only: what happens to them is in the functions named as in the kernel. Units are the kernel's: bytes, segments,
jiffies; ``*_us`` microseconds, but ``srtt_us`` is eight times the smoothed RTT and ``mdev_us`` four times the mean
deviation. Sequence numbers are unbounded (see :mod:`netemu.stack.skbuff`). Members of an embedded struct have its name
in front: ``icsk_ack.ato`` is ``ack_ato``, ``rack.rtt_us`` is ``rack_rtt_us``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from netemu.stack.cong import CongestionOps
from netemu.stack.skbuff import SkbQueue, SkBuff, TsortedQueue
from netemu.stack.task import WaitQueue
from netemu.stack.tcp_accecn_h import AccEcn
from netemu.stack.tcp_fastopen_h import TcpFastopen
from netemu.stack.timer import Timer
from netemu.stack.win_minmax import MinMax

if TYPE_CHECKING:
    from netemu.stack.eventpoll import EpollItem
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.route import Dst
    from netemu.stack.stack import LinuxStack
    from netemu.stack.tcp_prequeue import Ucopy

# enum of states, include/net/tcp_states.h
TCP_ESTABLISHED, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT = 1, 2, 3, 4, 5, 6
TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING, TCP_NEW_SYN_RECV = 7, 8, 9, 10, 11, 12

# enum tcp_ca_state, include/uapi/linux/tcp.h
TCP_CA_Open, TCP_CA_Disorder, TCP_CA_CWR, TCP_CA_Recovery, TCP_CA_Loss = 0, 1, 2, 3, 4

RCV_SHUTDOWN, SEND_SHUTDOWN, SHUTDOWN_MASK = 1, 2, 3
SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK = 1, 2  # sk_userlocks: the user has set the buffer's size
TCP_INFINITE_SSTHRESH = 0x7FFFFFFF
TCP_NAGLE_OFF, TCP_NAGLE_CORK, TCP_NAGLE_PUSH = 1, 2, 4

# icsk_pending: what icsk_retransmit_timer is armed for (include/net/inet_connection_sock.h)
ICSK_TIME_RETRANS, ICSK_TIME_PROBE0, ICSK_TIME_LOSS_PROBE, ICSK_TIME_REO_TIMEOUT = 1, 3, 5, 6
ICSK_TIME_EARLY_RETRANS = 4  # 3.5 to 4.11

# ack_pending (enum inet_csk_ack_state_t)
ICSK_ACK_SCHED, ICSK_ACK_TIMER, ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, ICSK_ACK_NOW, ICSK_ACK_NOMEM = 1, 2, 4, 8, 16, 32


# sk_tsq_flags: what release_sock is to do, since a process held the socket when it was due (enum tsq_flags)
TCP_TSQ_DEFERRED, TCP_WRITE_TIMER_DEFERRED, TCP_DELACK_TIMER_DEFERRED = 4, 8, 16
TCP_MTU_REDUCED_DEFERRED, TCP_ACK_DEFERRED = 32, 64


def _unarmed() -> Timer:
    """A timer until tcp_init_xmit_timers says what it calls."""
    return Timer(_not_initialised)


def _not_initialised() -> None:
    raise AssertionError("a timer of a socket fired before tcp_init_xmit_timers")


class TcpSock:
    """A TCP socket of the host ``net``, as ``tcp_init_sock`` and ``setsockopt`` leave it before anything is sent."""

    net: LinuxStack
    sk_family: int  # AF_INET or AF_INET6
    icsk_ca_ops: CongestionOps
    fd: int = -1  # -1: no process holds it
    sk_cookie: int = 0

    # ---- struct sock
    sk_state: int = TCP_CLOSE
    sk_err: int = 0
    sk_err_soft: int = 0
    sk_shutdown: int = 0
    sk_dead: bool = False  # SOCK_DEAD: orphaned
    sk_done: bool = False  # SOCK_DONE
    sk_urginline: bool = False
    sk_keepopen: bool = False  # SO_KEEPALIVE
    sk_linger: bool = False
    sk_lingertime: int = 0  # jiffies
    sk_reuse: bool = False
    sk_reuseport: bool = False
    sk_bound_if: str | None = None
    sk_userlocks: int = 0
    sk_sndbuf: int = 0
    sk_rcvbuf: int = 0
    sk_rcvlowat: int = 1
    sk_rcvtimeo: int = 1 << 62  # jiffies
    sk_sndtimeo: int = 1 << 62
    sk_wmem_queued: int = 0  # truesize in write queue and retransmission queue
    sk_wmem_alloc: int = 0  # bytes below TCP: in qdisc and device
    sk_rmem_alloc: int = 0  # truesize in receive queue, out-of-order queue and backlog
    sk_forward_alloc: int = 0
    sk_drops: int = 0
    sk_nospace: bool = False  # SOCK_NOSPACE
    sk_write_queue: SkbQueue
    sk_receive_queue: SkbQueue
    sk_backlog: deque[SkBuff]
    sk_backlog_len: int = 0
    sk_owned: bool = False  # sk_lock.owned: a process holds the socket
    sk_wq: WaitQueue
    sk_watchers: list[EpollItem]  # epoll instances that watch it
    sk_timer: Timer  # keepalive, FIN-WAIT-2, (before 4.4) SYN-ACK
    sk_pacing_rate: int = (1 << 64) - 1  # bytes per second
    sk_max_pacing_rate: int = (1 << 64) - 1
    sk_pacing_needed: bool = False  # sk_pacing_status == SK_PACING_NEEDED
    sk_pacing_fq: bool = False  # sk_pacing_status == SK_PACING_FQ
    sk_pacing_shift: int = 10
    sk_gso_max_segs: int = 1  # the device's gso_max_segs: 1 where offloads are off
    sk_gso_max_size: int = 65215  # 64 KiB less MAX_TCP_HEADER
    sk_write_pending: int = 0  # calls that sleep for room or for the connection
    sk_disconnects: int = 0
    sk_tsq_flags: int = 0  # TCP_*_DEFERRED
    tsq_throttled: bool = False  # TSQ_THROTTLED of sk_tsq_flags
    sk_max_ack_backlog: int = 0
    sk_ack_backlog: int = 0

    # ---- struct inet_sock
    inet_saddr: str = ""
    inet_daddr: str = ""
    inet_sport: int = 0
    inet_dport: int = 0
    inet_id: int = 0
    inet_bound_port: bool = False  # SOCK_BINDPORT_LOCK
    inet_bound_addr: bool = False  # SOCK_BINDADDR_LOCK
    tos: int = 0
    pmtudisc: int = 1  # IP_PMTUDISC_WANT
    ttl: int = -1  # IP_TTL, IPV6_UNICAST_HOPS; -1: the sysctl's
    recverr: bool = False  # IP_RECVERR
    ipv6only: bool = False  # IPV6_V6ONLY
    ss_state: int = 1  # SS_UNCONNECTED 1, SS_CONNECTING 2, SS_CONNECTED 3, SS_DISCONNECTING 4
    nonblocking: bool = False  # O_NONBLOCK
    sk_priority: int = 0
    mtu_info: int = 0  # what an ICMP error told of the path
    sk_dst: Dst | None = None  # sk_dst_cache

    # ---- struct inet_connection_sock
    icsk_retransmit_timer: Timer
    icsk_delack_timer: Timer
    icsk_timeout: int = 0  # jiffies
    icsk_pending: int = 0
    icsk_rto: int = 0  # jiffies
    icsk_rto_min: int = 0
    icsk_rto_max: int = 0
    icsk_delack_max: int = 0
    icsk_retransmits: int = 0
    icsk_backoff: int = 0
    icsk_probes_out: int = 0
    icsk_probes_tstamp: int = 0
    icsk_user_timeout: int = 0  # ms
    icsk_syn_retries: int = 0
    icsk_pmtu_cookie: int = 0  # path MTU that mss_cache was made from
    icsk_ext_hdr_len: int = 0
    icsk_ca_state: int = TCP_CA_Open
    icsk_ca_priv: Any = None  # the congestion control's own state
    icsk_ca_initialized: bool = False
    icsk_accept_queue: deque[TcpSock]
    icsk_request_socks: dict[tuple[str, int, str, int], RequestSock]  # SYN queue
    icsk_ca_setsockopt: bool = False  # TCP_CONGESTION was set
    icsk_young: int = 0  # those of them whose SYN-ACK was never sent again
    syn_flood_warned: bool = False
    synq_overflow_ts: int = 0  # jiffy when cookies were sent last
    ack_pending: int = 0
    ack_quick: int = 0
    ack_pingpong: int = 0
    ack_retry: int = 0
    ack_ato: int = 0  # jiffies
    ack_timeout: int = 0
    ack_lrcvtime: int = 0
    ack_last_seg_size: int = 0
    ack_rcv_mss: int = 0
    ack_dst_quick_ack: bool = False  # RTAX_QUICKACK of the route
    mtup_enabled: bool = False
    mtup_search_high: int = 0
    mtup_search_low: int = 0
    mtup_probe_size: int = 0
    mtup_probe_timestamp: int = 0
    mtu_probe_seq_start: int = 0
    mtu_probe_seq_end: int = 0

    # ---- struct tcp_sock: sending
    write_seq: int = 0
    snd_nxt: int = 0
    snd_una: int = 0
    snd_sml: int = 0
    snd_up: int = 0
    snd_wnd: int = 0
    max_window: int = 0
    snd_wl1: int = 0
    pushed_seq: int = 0
    mss_cache: int = 0
    advmss: int = 0
    mss_clamp: int = 0  # rx_opt.mss_clamp
    user_mss: int = 0
    tcp_header_len: int = 0
    nonagle: int = 0
    gso_segs: int = 0  # segments that make the size goal
    snd_wscale: int = 0
    rcv_wscale: int = 0
    wscale_ok: bool = False
    tstamp_ok: bool = False
    sack_ok: bool = False
    ecn_flags: int = 0
    packets_out: int = 0
    tcp_rtx_queue: SkbQueue
    tsorted_sent_queue: TsortedQueue
    segs_out: int = 0
    segs_in: int = 0
    data_segs_out: int = 0
    data_segs_in: int = 0
    bytes_sent: int = 0
    bytes_retrans: int = 0
    bytes_acked: int = 0
    bytes_received: int = 0
    lsndtime: int = 0
    notsent_lowat: int = 0
    tcp_clock_cache: int = 0  # ns
    tcp_mstamp: int = 0  # us
    tcp_wstamp_ns: int = 0
    tsoffset: int = 0
    pacing_timer: Timer
    chrono_type: int = 0
    chrono_start: int = 0  # jiffies
    chrono_stat: list[int]  # busy, rwnd limited, sndbuf limited

    # ---- struct tcp_sock: receiving
    rcv_nxt: int = 0
    copied_seq: int = 0
    rcv_wup: int = 0
    rcv_wnd: int = 0
    rcv_mwnd_seq: int = 0  # 7.x: right edge of the largest window ever advertised
    window_clamp: int = 0
    rcv_ssthresh: int = 0
    out_of_order_queue: SkbQueue
    prequeue: deque[SkBuff]  # before 4.14, with the two below: ucopy's
    prequeue_memory: int = 0
    ucopy: Ucopy | None = None  # the reader that sleeps in recv()
    duplicate_sack: tuple[int, int] | None = None
    selective_acks: list[tuple[int, int]]
    rcvq_space_seq: int = 0
    rcvq_space_space: int = 0
    rcvq_space_time: int = 0  # us
    rcv_rtt_us: int = 0
    rcv_rtt_seq: int = 0
    rcv_rtt_time: int = 0
    rcv_rtt_last_tsecr: int = 0
    scaling_ratio: int = 0
    ts_recent: int = 0
    ts_recent_stamp: int = 0  # s
    saw_tstamp: bool = False
    rcv_tsval: int = 0
    rcv_tsecr: int = 0
    last_oow_ack_time: int = 0
    rcv_ooopack: int = 0
    compressed_ack: int = 0
    compressed_ack_rcv_nxt: int = 0
    compressed_ack_timer: Timer
    dup_ack_counter: int = 0
    urg_data: int = 0
    urg_seq: int = 0
    pred_flags: int = 0  # header prediction: 0 off, else the raw window expected, + 1

    # ---- struct tcp_sock: acknowledgements, loss, RTT
    srtt_us: int = 0
    mdev_us: int = 0
    mdev_max_us: int = 0
    rttvar_us: int = 0
    rtt_seq: int = 0
    rtt_min_us: int = 0xFFFFFFFF
    rtt_min: MinMax
    snd_cwnd: int = 0
    snd_cwnd_cnt: int = 0
    snd_cwnd_clamp: int = 0xFFFFFFFF
    snd_cwnd_used: int = 0
    snd_cwnd_stamp: int = 0  # jiffies
    snd_ssthresh: int = TCP_INFINITE_SSTHRESH
    prior_cwnd: int = 0
    prior_ssthresh: int = 0
    prr_delivered: int = 0
    prr_out: int = 0
    is_cwnd_limited: bool = False
    cwnd_usage_seq: int = 0
    max_packets_out: int = 0
    sacked_out: int = 0
    lost_out: int = 0
    retrans_out: int = 0
    lost: int = 0
    total_retrans: int = 0
    high_seq: int = 0
    retrans_stamp: int = 0
    undo_marker: int = 0  # 0: nothing to undo
    undo_retrans: int = 0
    reordering: int = 3
    reord_seen: int = 0
    dsack_dups: int = 0
    dsack_seen: bool = False
    recv_sack_cache: list[tuple[int, int]]
    highest_sack: SkBuff | None = None
    fack_disabled: bool = False  # before 4.15: reordering was seen
    retransmit_skb_hint: SkBuff | None = None
    frto: bool = False
    frto_counter: int = 0  # before 3.10
    frto_highmark: int = 0
    is_sack_reneg: bool = False  # SACKs were taken back; until the loss that showed it is recovered
    tlp_high_seq: int = 0
    tlp_retrans: bool = False
    rack_mstamp: int = 0  # us
    rack_rtt_us: int = 0
    rack_end_seq: int = 0
    rack_last_delivered: int = 0
    rack_reo_wnd_steps: int = 1
    rack_reo_wnd_persist: int = 0
    rack_dsack_seen: bool = False
    rack_advanced: bool = False
    rcv_tstamp: int = 0  # jiffies of the last ACK
    delivered: int = 0
    delivered_ce: int = 0
    delivered_mstamp: int = 0
    first_tx_mstamp: int = 0
    app_limited: int = 0
    rate_delivered: int = 0
    rate_interval_us: int = 0
    rate_app_limited: bool = False
    total_rto: int = 0
    total_rto_recoveries: int = 0
    total_rto_time: int = 0
    rto_stamp: int = 0
    fastopen_rsk: RequestSock | None = None  # of a connection that Fast Open made, until its handshake is over
    syn_data: bool = False  # the SYN had data
    defer_connect: bool = False  # connect() left the SYN to the first write
    tfo: TcpFastopen
    accecn: AccEcn | None = None  # once it was asked for

    # ---- connections
    keepalive_time: int = 0  # jiffies; 0: the sysctl's
    keepalive_intvl: int = 0
    keepalive_probes: int = 0
    linger2: int = 0
    defer_accept: int = 0
    recvmsg_inq: bool = False  # TCP_INQ
    abort_reason: str | None = None

    def __init__(
        self,
        net: LinuxStack,
        sk_family: int,
        icsk_ca_ops: CongestionOps,
    ) -> None:
        self.net = net
        self.sk_family = sk_family
        self.icsk_ca_ops = icsk_ca_ops
        self.sk_write_queue = SkbQueue()
        self.sk_receive_queue = SkbQueue()
        self.sk_backlog = deque()
        self.sk_wq = WaitQueue()
        self.sk_watchers = []
        self.sk_timer = _unarmed()
        self.icsk_retransmit_timer = _unarmed()
        self.icsk_delack_timer = _unarmed()
        self.icsk_accept_queue = deque()
        self.icsk_request_socks = {}
        self.tcp_rtx_queue = SkbQueue()
        self.tsorted_sent_queue = TsortedQueue()
        self.pacing_timer = _unarmed()
        self.chrono_stat = [0, 0, 0]
        self.out_of_order_queue = SkbQueue()
        self.prequeue = deque()
        self.selective_acks = []
        self.compressed_ack_timer = _unarmed()
        self.tfo = TcpFastopen()
        self.rtt_min = MinMax(0, 0xFFFFFFFF, largest=False)
        self.recv_sack_cache = []


def fields_of(kind: type) -> tuple[str, ...]:
    """The names of a socket's fields, of its class interpreted or compiled (netemu.compiled)."""
    return getattr(kind, "__mypyc_attrs__", None) or tuple(kind.__annotations__)


def tcp_time_stamp_ts(sk: TcpSock) -> int:
    """The clock of the timestamps option at ``tcp_mstamp``, without offset: in ms since 4.13, in jiffies before."""
    return sk.tcp_mstamp // sk.net.ts_tick_us


def tcp_time_stamp_ms(sk: TcpSock) -> int:
    """``tcp_mstamp`` in ms."""
    return sk.tcp_mstamp // 1000


def tcp_mstamp_refresh(sk: TcpSock) -> None:
    """Read the clock once for everything that one packet causes (tcp_output.c)."""
    now_ns = sk.net.now_ns
    sk.tcp_clock_cache = now_ns
    sk.tcp_mstamp = now_ns // 1000
