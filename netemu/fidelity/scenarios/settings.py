"""Sysctls away from their defaults: what each switches off, shortens or forbids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.experiment import bulk, connections, on_off, request_response, small_writes, udp_stream
from netemu.fidelity.scenario import Scenario, Script, Traffic
from netemu.fidelity.scenarios.connections import client, server
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import NARROW, PATH, RENO, SHORT

_MS = 1_000_000
_DISORDER = {**PATH, "reorder": {FORWARD: 0.05}, "backend": "relay"}
_SPURIOUS = {**PATH, "schedule": [{"at": "150ms", "delay": "420ms"}, {"at": "900ms", "delay": "20ms"}]}
_HOP = {"rate": "20Mbit/s", "delay": "5ms", "queue": "200p"}
_SILENT = {**_HOP, "drops": {"r1->h1": [{"kind": "icmp", "nth": list(range(1, 100))}]}}


def _with(
    name: str,
    mechanisms: Sequence[str],
    shows: str,
    links: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    traffic: Traffic,
    *,
    h1: Mapping[str, int | str] | None = None,
    h2: Mapping[str, int | str] | None = None,
) -> Scenario:
    """A scenario whose hosts have these sysctls of net.ipv4."""
    sysctls = {
        host: {f"net.ipv4.{sysctl}": value for sysctl, value in (given or {}).items()}
        for host, given in (("h1", h1), ("h2", h2))
    }
    path = (links,) if isinstance(links, Mapping) else tuple(links)
    return Scenario(name, tuple(mechanisms), shows, path, traffic, sysctls)


def _bulk(size: int = 150_000, **options: Any) -> Traffic:
    return (bulk("one", "h1", "h2", size=size, sender=RENO, **options),)


_TWICE: Traffic = (
    bulk("one", "h1", "h2", size=100_000, sender=RENO),
    bulk("two", "h1", "h2", size=100_000, sender=RENO, start="3s"),
)
_CONNECT_AT_ONCE = Script(
    "client",
    "h1",
    [
        item
        for number in range(6)
        for item in (
            [10 * _MS, "socket", f"s{number}"],
            [None, "nonblocking", f"s{number}", True],
            [None, "connect", f"s{number}", "@h2", 5001],
        )
    ],
    stop_ns=6000 * _MS,
    hold=True,
)
_LISTEN_ONLY = Script(
    "server",
    "h2",
    [[0, "socket", "l"], [None, "bind", "l", "", 5001], [None, "listen", "l", 100]],
    stop_ns=6000 * _MS,
    hold=True,
)

SETTINGS = (
    _with("no_rack", ["M07"], "tcp_recovery 0: losses are counted, not timed", dropping("new_data", [30, 31, 34]),
          _bulk(), h1={"tcp_recovery": 0}),
    _with("no_rack_disorder", ["M07", "M11"], "the same while one packet in twenty overtakes", _DISORDER,
          _bulk(200_000), h1={"tcp_recovery": 0}),
    _with("no_loss_probe", ["M07", "M06"], "tcp_early_retrans 0: a lost tail waits for the timer",
          dropping("new_data", [14]), _bulk(20_000), h1={"tcp_early_retrans": 0}),
    _with("no_frto", ["M06"], "tcp_frto 0: a spurious timeout is not asked about", _SPURIOUS, _bulk(120_000),
          h1={"tcp_frto": 0}),
    _with("no_restart_after_idle", ["M05"], "tcp_slow_start_after_idle 0: the window outlives silence", PATH,
          (on_off("one", "h1", "h2", on="60ms", off="900ms",
                  sender={"cycles": 4, "rate_bps": 6_000_000, "chunk_bytes": 6000, **RENO}),),
          h1={"tcp_slow_start_after_idle": 0}),
    _with("no_collapse", ["M04", "M07"], "tcp_retrans_collapse 0: small segments are sent again one by one",
          dropping("data", [5, 6, 12]),
          (small_writes("one", "h1", "h2", size=200, count=30, gap="10ms", sender={"nodelay": True}),),
          h1={"tcp_retrans_collapse": 0}),
    _with("reordering_of_ten", ["M07"], "tcp_reordering 10: how many duplicates a loss takes",
          dropping("new_data", [30]), _bulk(), h1={"tcp_reordering": 10, "tcp_recovery": 0}),
    _with("metrics", ["M05", "M06"], "what one connection learned, the next one to the same address starts with",
          dropping("new_data", [30, 31]), _TWICE, h1={"tcp_no_ssthresh_metrics_save": 0}),
    _with("metrics_without_ssthresh", ["M05", "M06"], "the same, its ssthresh forgotten as is the default",
          dropping("new_data", [30, 31]), _TWICE),
    _with("no_metrics", ["M05", "M06"], "tcp_no_metrics_save: nothing is learned", dropping("new_data", [30, 31]),
          _TWICE, h1={"tcp_no_metrics_save": 1}),
    _with("rto_min", ["M06"], "tcp_rto_min_us of 50 ms", dropping("data", range(1, 12)), _bulk(60_000),
          h1={"tcp_rto_min_us": 50_000}),
    _with("rto_max", ["M06", "M22"], "tcp_rto_max_ms of 1 s: the back-off ends there",
          dropping("data", range(10, 19)), _bulk(30_000, stop="28s"), h1={"tcp_rto_max_ms": 1000}),
    _with("base_mss", ["M09"], "tcp_base_mss 700: where probing begins", PATH, _bulk(200_000),
          h1={"tcp_mtu_probing": 2, "tcp_base_mss": 700}),
    _with("black_hole_floor", ["M09"], "tcp_mtu_probe_floor: how low black-hole detection may go",
          (_SILENT, {**_HOP, "mtu_bytes": 600}, _HOP), _bulk(30_000, stop="28s"),
          h1={"tcp_mtu_probing": 1, "tcp_mtu_probe_floor": 500}),
    _with("no_path_mtu_discovery", ["M08"], "ip_no_pmtu_disc 1: no DF, a router cuts the segments",
          ({**PATH, "mtu_bytes": 1500}, {**PATH, "mtu_bytes": 1000}), _bulk(40_000), h1={"ip_no_pmtu_disc": 1}),
    _with("fin_timeout", ["M21", "M28"], "tcp_fin_timeout 2: FIN-WAIT-2 ends, late data meet RST", PATH,
          (client([[100 * _MS, "close", "s"]]),
           server([[None, "recv", "c", 100], [1000 * _MS, "send", "c", 100], [4000 * _MS, "send", "c", 100]])),
          h1={"tcp_fin_timeout": 2}),
    _with("synack_retries", ["M19"], "tcp_synack_retries 1, tcp_syn_retries 2: both give up",
          dropping("syn_ack", range(1, 30), BACK), _bulk(3000, stop="25s"),
          h1={"tcp_syn_retries": 2}, h2={"tcp_synack_retries": 1}),
    _with("syn_backlog", ["M19"], "tcp_max_syn_backlog 4 without cookies: a proven peer gets the last places", PATH,
          (_LISTEN_ONLY, _CONNECT_AT_ONCE), h2={"tcp_max_syn_backlog": 4, "tcp_syncookies": 0}),
    _with("ecn_syn_lost", ["M19", "M05"], "an ECN SYN lost twice is sent again without", dropping("syn", [1, 2]),
          _bulk(20_000), h1={"tcp_ecn": 1}),
    _with("ecn_no_fallback", ["M19", "M05"], "the same with tcp_ecn_fallback 0", dropping("syn", [1, 2]),
          _bulk(20_000), h1={"tcp_ecn": 1, "tcp_ecn_fallback": 0}),
    _with("ecn_refused", ["M19", "M05"], "the listener has tcp_ecn 0", PATH, _bulk(20_000), h1={"tcp_ecn": 1},
          h2={"tcp_ecn": 0}),
    _with("ecn_losses", ["M05", "M07"], "marks and losses in one flow, both ways",
          {**NARROW, "queue": "30p", "ecn": "8p", "backend": "relay", "loss": "1%"},
          (request_response("one", "h1", "h2", count=4, request=60_000, response=40_000),), h1={"tcp_ecn": 1}),
    _with("wmem", ["M02"], "tcp_wmem of 16 kB at most: the send buffer does not grow", PATH,
          (bulk("one", "h1", "h2", size=150_000),), h1={"tcp_wmem": "4096 8192 16384"}),
    _with("notsent_lowat_sysctl", ["M02"], "tcp_notsent_lowat 6000 and a writer with epoll", PATH,
          (bulk("one", "h1", "h2", size=100_000, sender={"mode": "nonblocking"}),), h1={"tcp_notsent_lowat": 6000}),
    _with("window_share", ["M16"], "tcp_adv_win_scale -2: how much of the buffer is announced, by era", PATH,
          (bulk("one", "h1", "h2", size=150_000, receiver={"rcvbuf_bytes": 30_000}),), h2={"tcp_adv_win_scale": -2}),
    _with("signed_windows", ["M15"], "tcp_workaround_signed_windows: no window above 32767", PATH, _bulk(200_000),
          h2={"tcp_window_scaling": 0, "tcp_workaround_signed_windows": 1}),
    _with("pingpong_of_three", ["M17"], "tcp_pingpong_thresh 3: three replies make a session interactive", PATH,
          (request_response("one", "h1", "h2", count=8, request=300, response=300),),
          h1={"tcp_pingpong_thresh": 3}, h2={"tcp_pingpong_thresh": 3}),
    _with("slow_compressed_acks", ["M11", "M17"], "tcp_comp_sack_delay_ns of 8 ms", _DISORDER, _bulk(200_000),
          h2={"tcp_comp_sack_delay_ns": 8_000_000}),
    _with("buffer_of_a_short_path", ["M16"], "tcp_rcvbuf_low_rtt 0: buffers of short paths grow as others", SHORT,
          _bulk(1_000_000), h2={"tcp_rcvbuf_low_rtt": 0}),
    _with("keepalive_sysctls", ["M23"], "SO_KEEPALIVE with the host's times",
          dropping("ack", range(3, 100), BACK),
          (small_writes("one", "h1", "h2", size=100, count=2, gap="12s", sender={"keepalive": True}),),
          h1={"tcp_keepalive_time": 2, "tcp_keepalive_intvl": 1, "tcp_keepalive_probes": 2}),
    _with("tw_no_reuse", ["M24"], "tcp_tw_reuse 0 and one port: the second connect() finds none", PATH,
          (Script("client", "h1", [
              [10 * _MS, "socket", "a"], [None, "connect", "a", "@h2", 5001], [None, "close", "a"],
              [2500 * _MS, "socket", "b"], [None, "connect", "b", "@h2", 5001]]),
           server([[None, "recv", "c", 10], [None, "close", "c"]])),
          h1={"tcp_tw_reuse": 0, "ip_local_port_range": "40000 40000"}),
    _with("no_time_wait", ["M24"], "tcp_max_tw_buckets 0: nobody waits", PATH,
          (connections("one", "h1", "h2", count=4),), h1={"tcp_max_tw_buckets": 0}, h2={"tcp_max_tw_buckets": 0}),
    _with("reassembly_timeout", ["M08", "M18"], "ipfrag_time 1: datagrams of which a fragment was lost are given up",
          {**PATH, "loss": {FORWARD: 0.15}, "backend": "relay"},
          (udp_stream("one", "h1", "h2", rate_bps=400_000, size=4000, count=40, stop="8s"),), h2={"ipfrag_time": 1}),
)  # fmt: skip
