"""Since when each sysctl of a model is there: one that an era lacks is refused by its name, as its kernel would.

Read in net/ipv4/sysctl_net_ipv4.c of 2.4.27, 3.0, 3.10, 5.10, 6.12 and 7.2, the releases between in the history of that
file. What is not listed is older than 2.4.
"""

from __future__ import annotations

import re

SINCE: dict[str, str] = {
    "tcp_tso_win_divisor": "2.6.9",
    "tcp_congestion_control": "2.6.13",
    "tcp_mtu_probing": "2.6.17",
    "tcp_base_mss": "2.6.17",
    "tcp_workaround_signed_windows": "2.6.17",
    "tcp_slow_start_after_idle": "2.6.18",
    "udp_mem": "2.6.25",
    "udp_rmem_min": "2.6.25",
    "udp_wmem_min": "2.6.25",
    "tcp_thin_linear_timeouts": "2.6.34",
    "tcp_early_retrans": "3.5",
    "tcp_limit_output_bytes": "3.6",
    "tcp_challenge_ack_limit": "3.6",
    "tcp_fastopen": "3.6",
    "tcp_fastopen_key": "3.7",
    "tcp_min_tso_segs": "3.12",
    "tcp_notsent_lowat": "3.12",
    "tcp_autocorking": "3.14",
    "icmp_msgs_per_sec": "3.18",
    "icmp_msgs_burst": "3.18",
    "tcp_max_reordering": "3.19",
    "tcp_invalid_ratelimit_ms": "4.0",
    "tcp_ecn_fallback": "4.1",
    "tcp_probe_interval": "4.1",
    "tcp_probe_threshold": "4.1",
    "tcp_pacing_ss_ratio": "4.2",
    "tcp_pacing_ca_ratio": "4.2",
    "tcp_recovery": "4.4",
    "tcp_min_rtt_wlen": "4.4",
    "tcp_fastopen_blackhole_timeout_sec": "4.12",
    "tcp_comp_sack_delay_ns": "4.18",
    "tcp_comp_sack_nr": "4.18",
    "tcp_min_snd_mss": "5.2",
    "tcp_mtu_probe_floor": "5.5",
    "tcp_no_ssthresh_metrics_save": "5.7",
    "tcp_comp_sack_slack_ns": "5.8",
    "tcp_reflect_tos": "5.10",
    "tcp_migrate_req": "5.14",
    "tcp_tso_rtt_log": "5.18",
    "tcp_syn_linear_timeouts": "6.5",
    "tcp_shrink_window": "6.6",
    "tcp_backlog_ack_defer": "6.6",
    "tcp_pingpong_thresh": "6.7",
    "tcp_rto_min_us": "6.11",
    "tcp_tw_reuse_delay": "6.14",
    "tcp_rto_max_ms": "6.15",
    "tcp_ecn_option": "6.18",
    "tcp_ecn_option_beacon": "6.18",
    "tcp_rcvbuf_low_rtt": "6.19",
    "tcp_comp_sack_rtt_percent": "6.19",
}
"""Field of :class:`~netemu.stack.sysctl.Sysctl` -> the release of Linux that has it first."""


def sysctls_lacking(release: str) -> frozenset[str]:
    """The fields of Sysctl that Linux ``release`` (``"2.6.39"``) has not."""
    return frozenset(name for name, since in SINCE.items() if _number(since) > _number(release))


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:3])
