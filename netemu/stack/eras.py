"""What differs between the eras: one row per field of a profile and per sysctl, with each era's value and its source.

The profiles are made of these rows, so that what the docs print is what runs. ``linux-6`` is 6.12 and ``linux-7`` is
7.2; those two, ``linux-5.10`` and ``linux-6.1`` (:mod:`netemu.stack.eras_between`) are judged by real kernels packet by
packet. No kernel here can judge the older ones: their values were read, not measured, and everything made with them
says 'unjudged'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from netemu.stack.eras_between import BETWEEN, Between
from netemu.stack.eras_connect import ROWS as CONNECT
from netemu.stack.eras_old import ROWS as OLD
from netemu.stack.eras_receive import ROWS as RECEIVE
from netemu.stack.eras_send import ROWS as SEND
from netemu.stack.eras_sysctl import sysctls_lacking
from netemu.stack.profile import Profile

ERAS = ("linux-2.4", "linux-2.6", "linux-3.10", "linux-5.10", "linux-6", "linux-7")

JUDGED_BY: dict[str, tuple[str, ...]] = {
    "linux-5.10": ("uml:5.10",),
    "linux-6.1": ("uml:6.1",),
    "linux-6": ("uml:6.12",),
    "linux-7": ("uml:7.2",),
}


class Difference(msgspec.Struct, frozen=True):
    """One difference. ``field``: of :class:`Profile`, or ``net.<name>`` for a sysctl by its name in Sysctl.

    ``values``: in the order of :data:`ERAS`; ``release``: where it changed; ``source``: file and function; ``what``:
    what it means.
    """

    field: str
    values: tuple[Any, Any, Any, Any, Any, Any]
    release: str
    source: str
    what: str


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "release",
        ("2.4.37", "2.6.39", "3.10", "5.10", "6.12", "7.2"),
        "each",
        "Makefile",
        "the release of Linux that the profile describes",
    ),
    Difference(
        "hz",
        (100, 250, 250, 250, 250, 250),
        "2.5 (1000), 2.6.13 (a choice, 250 unless chosen)",
        "kernel/Kconfig.hz; before 2.5 include/asm-i386/param.h",
        "ticks per second; whoever builds a kernel chooses it",
    ),
    Difference(
        "timer_wheel_coarse",
        (False, False, False, True, True, True),
        "4.8 (500462a9de65)",
        "kernel/time/timer.c: calc_wheel_index",
        "timers fire a tick after the one asked for, and beyond 63 ticks by up to an eighth of their length later",
    ),
    Difference(
        "timeout_init_s",
        (3, 3, 1, 1, 1, 1),
        "3.1 (9ad7c049f0f7)",
        "include/net/tcp.h: TCP_TIMEOUT_INIT",
        "seconds before a SYN or a SYN-ACK is sent again for the first time",
    ),
    Difference(
        "ca_releases_uninitialized",
        (True, True, True, True, True, False),
        "7.0",
        "net/ipv4/tcp_cong.c: tcp_cleanup_congestion_control",
        "release() of a congestion control is called even where init() was not",
    ),
    Difference(
        "advmss_of_device",
        (False, False, False, False, False, True),
        "after 6.12",
        "net/ipv4/route.c: ipv4_default_advmss; net/ipv6/route.c: ip6_default_advmss",
        "a SYN announces the MSS of the device's MTU even when the path's is known to be smaller",
    ),
    Difference(
        "grows_first_skb",
        (False, False, False, False, True, True),
        "6.10",
        "net/ipv4/tcp_output.c: tcp_grow_skb",
        "a short segment at the head of the send queue is filled up from the next one",
    ),
    Difference(
        "skb_small_heads",
        (False, False, False, False, True, True),
        "6.3",
        "net/core/skbuff.c: skb_small_head_cache",
        "a segment of the send queue is charged 960 bytes before its payload, not 1280: its head was a kmalloc of 1024",
    ),
    Difference(
        "reclaims_pages_at_once",
        (False, False, False, False, True, True),
        "6.0",
        "include/net/sock.h: sk_mem_uncharge",
        "memory that a socket no longer needs goes back to the host page by page, not a MiB of two at once",
    ),
    Difference(
        "traces_failed_retransmit",
        (False, False, False, False, False, True),
        "after 6.12",
        "net/ipv4/tcp_output.c: __tcp_retransmit_skb",
        "the tracepoint tcp_retransmit_skb is passed for a retransmission that failed, too",
    ),
    Difference(
        "tcp_init_cwnd",
        (0, 10, 10, 10, 10, 10),
        "2.6.39",
        "include/net/tcp.h: TCP_INIT_CWND; before it net/ipv4/tcp_input.c: tcp_init_cwnd by RFC 3390",
        "segments of the initial congestion window; 0: two to four, by the MSS (three at 1460 bytes)",
    ),
    Difference(
        "dupthresh_recovery",
        (True, True, True, True, True, False),
        "after 6.12, before 7.2",
        "net/ipv4/tcp_input.c: tcp_mark_head_lost, tcp_update_scoreboard",
        "losses are found by counting SACKed segments where tcp_recovery lacks bit 1, instead of by RACK alone",
    ),
    Difference(
        "net.tcp_congestion_control",
        ("reno", "cubic", "cubic", "cubic", "cubic", "cubic"),
        "2.6.8 (bic), 2.6.19 (cubic)",
        "net/ipv4/Kconfig: DEFAULT_TCP_CONG",
        "the congestion control of a socket that chose none",
    ),
    Difference(
        "net.tcp_recovery",
        (0, 0, 0, 1, 1, 1),
        "4.4",
        "net/ipv4/tcp_recovery.c; net/ipv4/tcp_ipv4.c: tcp_sk_init",
        "losses are found by time (RACK), not by counting",
    ),
    Difference(
        "net.tcp_early_retrans",
        (0, 0, 3, 3, 3, 3),
        "3.10",
        "net/ipv4/tcp_output.c: tcp_schedule_loss_probe",
        "3: a tail-loss probe is sent two round trips after the last segment",
    ),
    Difference(
        "net.tcp_frto",
        (0, 2, 2, 2, 2, 2),
        "2.6.24",
        "net/ipv4/tcp_input.c: tcp_process_frto, since 3.10 tcp_process_loss",
        "whether a timeout was spurious is found out with new data (F-RTO)",
    ),
    Difference(
        "net.tcp_autocorking",
        (False, False, False, True, True, True),
        "3.14",
        "net/ipv4/tcp.c: tcp_should_autocork",
        "small writes are joined while an earlier packet waits in the device",
    ),
    Difference(
        "net.tcp_moderate_rcvbuf",
        (False, True, True, True, True, True),
        "2.6.7",
        "net/ipv4/tcp_input.c: tcp_rcv_space_adjust",
        "the receive buffer follows what the process reads",
    ),
    Difference(
        "net.tcp_adv_win_scale",
        (2, 2, 1, 1, 1, 1),
        "3.4 (b49960a05e32)",
        "net/ipv4/tcp_input.c",
        "which share of the receive buffer is not window: 1/2**n",
    ),
    Difference(
        "net.tcp_ecn",
        (0, 2, 2, 2, 2, 2),
        "2.6.31",
        "net/ipv4/sysctl_net_ipv4.c",
        "ECN: 0 never, 2 when the peer asks for it",
    ),
    Difference(
        "net.tcp_ecn_fallback",
        (False, False, False, True, True, True),
        "4.1",
        "net/ipv4/tcp_output.c: tcp_ecn_clear_syn",
        "a SYN that is sent again does not ask for ECN",
    ),
    Difference(
        "net.tcp_fastopen",
        (0, 0, 0, 1, 1, 1),
        "3.13",
        "net/ipv4/tcp_fastopen.c",
        "Fast Open: 1 for clients that ask for it",
    ),
    Difference(
        "net.tcp_tw_reuse",
        (0, 0, 0, 2, 2, 2),
        "4.19",
        "net/ipv4/tcp_ipv4.c: tcp_twsk_unique",
        "connect() may take over a connection in TIME_WAIT: 2 on the loopback interface",
    ),
    Difference(
        "net.tcp_wmem",
        ((4096, 16_384, 131_072), *((4096, 16_384, 4 << 20),) * 5),
        "2.6.17",
        "net/ipv4/tcp.c: tcp_init",
        "smallest, first and largest send buffer; a machine of little memory has less",
    ),
    Difference(
        "net.tcp_rmem",
        (
            (4096, 87_380, 174_760),
            (4096, 87_380, 4 << 20),
            (4096, 87_380, 6 << 20),
            (4096, 131_072, 6 << 20),
            (4096, 131_072, 6 << 20),
            (4096, 131_072, 32 << 20),
        ),
        "2.6.17, 3.4 (6 MiB), 4.20 (131072), 6.17 (32 MiB)",
        "net/ipv4/tcp.c: tcp_init",
        "smallest, first and largest receive buffer; a machine of little memory has less",
    ),
    Difference(
        "net.tcp_limit_output_bytes",
        (1 << 30, 1 << 30, 131_072, 1 << 20, 1 << 20, 4 << 20),
        "3.6 (131072), 4.20 (1 MiB), 6.14 (4 MiB)",
        "net/ipv4/tcp_ipv4.c: tcp_sk_init",
        "bytes of a socket that may wait below TCP (small queues; before 3.6 there was no limit)",
    ),
    Difference(
        "net.tcp_syn_linear_timeouts",
        (0, 0, 0, 0, 4, 4),
        "6.5",
        "net/ipv4/tcp_timer.c: tcp_retransmit_timer",
        "SYNs that are sent again a second apart before the interval doubles",
    ),
    Difference(
        "net.tcp_syn_retries",
        (5, 5, 6, 6, 6, 6),
        "3.7",
        "include/net/tcp.h: TCP_SYN_RETRIES",
        "SYNs that are sent again with doubled intervals",
    ),
    Difference(
        "net.core_rmem_max",
        (65_535, 131_071, 212_992, 212_992, 212_992, 4 << 20),
        "2.6 (131071), 3.4 (212992), after 6.12 and before 7.2 (4 MiB)",
        "net/core/sock.c: sysctl_rmem_max",
        "largest receive buffer that SO_RCVBUF can ask for",
    ),
    Difference(
        "net.core_wmem_max",
        (65_535, 131_071, 212_992, 212_992, 212_992, 4 << 20),
        "2.6 (131071), 3.4 (212992), after 6.12 and before 7.2 (4 MiB)",
        "net/core/sock.c: sysctl_wmem_max",
        "largest send buffer that SO_SNDBUF can ask for",
    ),
    Difference(
        "net.core_somaxconn",
        (128, 128, 128, 4096, 4096, 4096),
        "5.4",
        "include/linux/socket.h: SOMAXCONN",
        "longest accept queue that listen() can ask for",
    ),
    Difference(
        "net.icmp_msgs_per_sec",
        (1000, 1000, 1000, 1000, 1000, 10_000),
        "after 6.12 and before 7.2",
        "net/ipv4/icmp.c: icmp_sk_init",
        "ICMP errors of a host per second (before 3.18 there was a limit per destination only)",
    ),
    Difference(
        "net.icmp_msgs_burst",
        (50, 50, 50, 50, 50, 10_000),
        "after 6.12 and before 7.2",
        "net/ipv4/icmp.c: icmp_sk_init",
        "ICMP errors of a host at once",
    ),
    Difference(
        "net.tcp_challenge_ack_limit",
        (100, 100, 100, 1000, 0x7FFFFFFF, 0x7FFFFFFF),
        "3.6 (100), 4.7 (1000), 6.0 (no limit)",
        "net/ipv4/tcp_ipv4.c: tcp_sk_init",
        "challenge ACKs of a host per second",
    ),
    Difference(
        "net.tcp_comp_sack_slack_ns",
        (100_000, 100_000, 100_000, 100_000, 100_000, 10_000),
        "6.17",
        "net/ipv4/tcp_ipv4.c: tcp_sk_init",
        "how much later than asked a compressed SACK may leave",
    ),
    *(Difference(*row) for row in RECEIVE),
    *(Difference(*row) for row in CONNECT),
    *(Difference(*row) for row in SEND),
    *(Difference(*row) for row in OLD),
)


def _profile(name: str, values: Mapping[str, Any]) -> Profile:
    """``values``: of each row, by its field."""
    fields = {field: value for field, value in values.items() if not field.startswith("net.")}
    sysctl = {field[4:]: value for field, value in values.items() if field.startswith("net.")}
    lacking = sysctls_lacking(fields["release"])
    return Profile(name, judged_by=JUDGED_BY.get(name, ()), sysctl=sysctl, sysctls_lacking=lacking, **fields)


def _values(era: str) -> dict[str, Any]:
    return {row.field: row.values[ERAS.index(era)] for row in DIFFERENCES}


def _between(one: Between) -> Profile:
    older = _values(one.older)
    values = _values(one.newer) | {field: older[field] for field in one.as_older}
    return _profile(one.name, values | {"release": one.release})


PROFILES: dict[str, Profile] = {
    **{era: _profile(era, _values(era)) for era in ERAS},
    **{one.name: _between(one) for one in BETWEEN},
}
