"""What differs between the eras: one row per field of a profile and per sysctl, with each era's value and its source.

The profiles are made of these rows, so that what the docs print is what runs. ``linux-6`` is 6.12 and ``linux-7`` is
7.2, and those two are judged by real kernels packet by packet. No kernel here can judge the older ones: their values
were read, not measured, and everything made with them says 'unjudged'.
"""

from __future__ import annotations

from typing import Any

import msgspec

from netemu.stack.eras_connect import ROWS as CONNECT
from netemu.stack.eras_receive import ROWS as RECEIVE
from netemu.stack.profile import Profile

ERAS = ("linux-2.4", "linux-2.6", "linux-3.10", "linux-5.10", "linux-6", "linux-7")

JUDGED_BY: dict[str, tuple[str, ...]] = {"linux-6": ("uml:6.12",), "linux-7": ("uml:7.2",)}


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
        "ca_releases_uninitialized",
        (True, True, True, True, True, False),
        "7.0",
        "net/ipv4/tcp_cong.c: tcp_cleanup_congestion_control",
        "release() of a congestion control is called even where init() was not",
    ),
    Difference(
        "rto_max_sysctl",
        (False, False, False, False, False, True),
        "6.15",
        "include/net/tcp.h: tcp_rto_max; net/ipv4/sysctl_net_ipv4.c",
        "the longest RTO is a sysctl (tcp_rto_max_ms) instead of 120 s",
    ),
    Difference(
        "advmss_of_device",
        (False, False, False, False, False, True),
        "after 6.12",
        "net/ipv4/route.c: ipv4_default_advmss",
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
        "traces_failed_retransmit",
        (False, False, False, False, False, True),
        "after 6.12",
        "net/ipv4/tcp_output.c: __tcp_retransmit_skb",
        "the tracepoint tcp_retransmit_skb is passed for a retransmission that failed, too",
    ),
    Difference(
        "tick_aligned",
        (False, False, False, False, True, True),
        "6.4",
        "kernel/time/tick-sched.c: tick_init_jiffy_update",
        "ticks fall on multiples of their length since boot, instead of where the timer was set up",
    ),
    Difference(
        "tcp_init_cwnd",
        (3, 3, 10, 10, 10, 10),
        "2.6.39",
        "include/net/tcp.h: TCP_INIT_CWND; before it net/ipv4/tcp_input.c: tcp_init_cwnd by RFC 3390",
        "segments of the initial congestion window (before 2.6.39 two to four, by the MSS: three at 1460 bytes)",
    ),
    Difference(
        "dupthresh_recovery",
        (True, True, True, True, True, False),
        "after 6.12, before 7.2",
        "net/ipv4/tcp_input.c: tcp_mark_head_lost, tcp_update_scoreboard",
        "losses are found by counting SACKed segments where tcp_recovery lacks bit 1, instead of by RACK alone",
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
        "net.tcp_comp_sack_slack_ns",
        (100_000, 100_000, 100_000, 100_000, 100_000, 10_000),
        "6.17",
        "net/ipv4/tcp_ipv4.c: tcp_sk_init",
        "how much later than asked a compressed SACK may leave",
    ),
    *(Difference(*row) for row in RECEIVE),
    *(Difference(*row) for row in CONNECT),
)


def _profile(era: str) -> Profile:
    at = ERAS.index(era)
    fields: dict[str, Any] = {}
    sysctl: dict[str, Any] = {}
    for row in DIFFERENCES:
        if row.field.startswith("net."):
            sysctl[row.field[4:]] = row.values[at]
        else:
            fields[row.field] = row.values[at]
    return Profile(era, judged_by=JUDGED_BY.get(era, ()), sysctl=sysctl, **fields)


PROFILES: dict[str, Profile] = {era: _profile(era) for era in ERAS}
