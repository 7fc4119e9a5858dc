"""Segment sizes: MSS, path MTU, black holes and probing, IP fragments (M08, M09)."""

from __future__ import annotations

from netemu.experiment import bulk, udp_stream
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.sending import PATH, RENO

_HOP = {"rate": "20Mbit/s", "delay": "5ms", "queue": "200p"}


def _hops(*mtus: int) -> tuple[dict[str, object], ...]:
    return tuple({**_HOP, "mtu_bytes": mtu} for mtu in mtus)


_SILENT = {**_HOP, "drops": {"r1->h1": [{"kind": "icmp", "nth": list(range(1, 100))}]}}
"""The first link of a path on which no ICMP error comes back."""

MTU = (
    Scenario(
        "mss_mtu_1400",
        ("M08",),
        "hosts on links of MTU 1400 announce it",
        ({**PATH, "mtu_bytes": 1400},),
        (bulk("one", "h1", "h2", size=50_000, sender=RENO),),
    ),
    Scenario(
        "mss_maxseg",
        ("M08",),
        "TCP_MAXSEG of 700 on the sender",
        (PATH,),
        (bulk("one", "h1", "h2", size=40_000, sender={"mss_bytes": 700, **RENO}),),
    ),
    Scenario(
        "pmtu",
        ("M08",),
        "two routers name their smaller MTU, one after the other",
        _hops(1500, 1400, 1280, 1500),
        (bulk("one", "h1", "h2", size=100_000, sender=RENO),),
    ),
    Scenario(
        "pmtu_ipv6",
        ("M08",),
        "the same with Packet Too Big",
        _hops(1500, 1400, 1280, 1500),
        (bulk("one", "h1", "h2", size=100_000, sender=RENO, family=6),),
    ),
    Scenario(
        "black_hole",
        ("M09",),
        "no ICMP error comes back: the timer backs off in vain",
        (_SILENT, {**_HOP, "mtu_bytes": 1400}, _HOP),
        (bulk("one", "h1", "h2", size=30_000, sender=RENO, stop="6s"),),
    ),
    Scenario(
        "black_hole_probing",
        ("M09",),
        "tcp_mtu_probing 1 finds a size that passes",
        (_SILENT, {**_HOP, "mtu_bytes": 1400}, _HOP),
        (bulk("one", "h1", "h2", size=60_000, sender=RENO, stop="20s"),),
        sysctls={"h1": {"net.ipv4.tcp_mtu_probing": 1}},
    ),
    Scenario(
        "mtu_probing_always",
        ("M09",),
        "tcp_mtu_probing 2 starts small and probes upwards",
        (PATH,),
        (bulk("one", "h1", "h2", size=200_000, sender=RENO),),
        sysctls={"h1": {"net.ipv4.tcp_mtu_probing": 2}},
    ),
    Scenario(
        "udp_fragments",
        ("M08", "M18"),
        "datagrams of 4000 bytes leave as fragments",
        (PATH,),
        (udp_stream("one", "h1", "h2", rate_bps=2_000_000, size=4000, count=30, stop="3s"),),
    ),
    Scenario(
        "udp_fragments_lost",
        ("M08", "M18"),
        "one lost fragment costs the datagram",
        ({**PATH, "loss": {"h1->h2": 0.1}, "backend": "relay"},),
        (udp_stream("one", "h1", "h2", rate_bps=2_000_000, size=4000, count=40, stop="3s"),),
    ),
)
