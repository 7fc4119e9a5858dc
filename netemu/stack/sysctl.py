"""``net.ipv4.*`` and ``net.core.*`` of one host, with the defaults of its profile.

Fields are named as the files under /proc/sys/net are, with ``core_`` in front of net.core's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Sysctl:
    """Values in the kernel's units: bytes, seconds, ms where the file's documentation says so."""

    core_rmem_max: int = 4 << 20
    core_wmem_max: int = 4 << 20
    core_rmem_default: int = 212_992
    core_wmem_default: int = 212_992
    core_somaxconn: int = 4096
    core_netdev_max_backlog: int = 1000
    core_optmem_max: int = 131_072
    ip_forward: bool = False
    ip_default_ttl: int = 64
    ip_no_pmtu_disc: int = 0
    ip_local_port_range: tuple[int, int] = (32768, 60999)
    ipv6_forwarding: bool = False
    ipv6_bindv6only: bool = False
    min_pmtu: int = 552
    min_adv_mss: int = 256
    mtu_expires: int = 600
    ip6_mtu_expires: int = 600
    tcp_rmem: tuple[int, int, int] = (4096, 131_072, 32 << 20)
    tcp_wmem: tuple[int, int, int] = (4096, 16_384, 4 << 20)
    tcp_mem: tuple[int, int, int] = (0, 0, 0)
    tcp_congestion_control: str = "cubic"
    tcp_window_scaling: bool = True
    tcp_sack: bool = True
    tcp_dsack: bool = True
    tcp_timestamps: int = 1
    tcp_ecn: int = 2
    tcp_ecn_fallback: bool = True
    tcp_ecn_option: int = 2
    tcp_ecn_option_beacon: int = 3
    tcp_reordering: int = 3
    tcp_max_reordering: int = 300
    tcp_retries1: int = 3
    tcp_retries2: int = 15
    tcp_syn_retries: int = 6
    tcp_synack_retries: int = 5
    tcp_syn_linear_timeouts: int = 4
    tcp_orphan_retries: int = 0
    tcp_fin_timeout: int = 60
    tcp_keepalive_time: int = 7200
    tcp_keepalive_probes: int = 9
    tcp_keepalive_intvl: int = 75
    tcp_syncookies: int = 1
    tcp_max_syn_backlog: int = 128
    tcp_abort_on_overflow: bool = False
    tcp_moderate_rcvbuf: bool = True
    tcp_rcvbuf_low_rtt: int = 1000
    tcp_adv_win_scale: int = 1
    tcp_app_win: int = 31
    tcp_slow_start_after_idle: bool = True
    tcp_no_metrics_save: bool = False
    tcp_no_ssthresh_metrics_save: bool = True
    tcp_early_retrans: int = 3
    tcp_recovery: int = 1
    tcp_frto: int = 2
    tcp_retrans_collapse: bool = True
    tcp_fack: bool = True
    tcp_low_latency: bool = False
    tcp_autocorking: bool = True
    tcp_limit_output_bytes: int = 4 << 20
    tcp_min_tso_segs: int = 2
    tcp_tso_win_divisor: int = 3
    tcp_tso_rtt_log: int = 9
    tcp_min_rtt_wlen: int = 300
    tcp_comp_sack_delay_ns: int = 1_000_000
    tcp_comp_sack_slack_ns: int = 10_000
    tcp_comp_sack_nr: int = 44
    tcp_comp_sack_rtt_percent: int = 33
    tcp_pacing_ss_ratio: int = 200
    tcp_pacing_ca_ratio: int = 120
    tcp_mtu_probing: int = 0
    tcp_base_mss: int = 1024
    tcp_min_snd_mss: int = 48
    tcp_mtu_probe_floor: int = 48
    tcp_probe_interval: int = 600
    tcp_probe_threshold: int = 8
    tcp_invalid_ratelimit_ms: int = 500
    tcp_challenge_ack_limit: int = 0x7FFFFFFF
    tcp_notsent_lowat: int = 0xFFFFFFFF
    tcp_workaround_signed_windows: bool = False
    tcp_shrink_window: bool = False
    tcp_backlog_ack_defer: bool = True
    tcp_pingpong_thresh: int = 1
    tcp_rto_min_us: int = 200_000
    tcp_rto_max_ms: int = 120_000
    tcp_thin_linear_timeouts: bool = False
    tcp_tw_reuse: int = 2
    tcp_tw_reuse_delay: int = 1000
    tcp_max_tw_buckets: int = 4096
    tcp_rfc1337: bool = False
    tcp_stdurg: bool = False
    tcp_fastopen: int = 1
    tcp_fastopen_key: str = ""  # none: drawn when it is needed
    tcp_fastopen_blackhole_timeout_sec: int = 0
    tcp_reflect_tos: bool = False
    tcp_migrate_req: bool = False
    tcp_max_orphans: int = 4096
    udp_mem: tuple[int, int, int] = (0, 0, 0)
    udp_rmem_min: int = 4096
    udp_wmem_min: int = 4096
    ipfrag_high_thresh: int = 4 << 20
    ipfrag_low_thresh: int = 3 << 20
    ipfrag_time: int = 30
    ip6frag_time: int = 60
    icmp_ratelimit: int = 1000
    icmpv6_ratelimit: int = 1000
    icmp_ratemask: int = 0x1818
    icmp_msgs_per_sec: int = 10_000
    icmp_msgs_burst: int = 10_000
