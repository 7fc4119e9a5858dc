"""Defaults are those of net/ipv4 and net/core of 7.2, by their files' names."""

from __future__ import annotations

from dataclasses import asdict

from netemu.stack.sysctl import Sysctl


def test_defaults() -> None:
    sysctl = Sysctl()
    wanted = {
        "tcp_retries2": 15, "tcp_syn_retries": 6, "tcp_synack_retries": 5, "tcp_fin_timeout": 60,
        "tcp_keepalive_time": 7200, "tcp_rto_min_us": 200_000, "ip_default_ttl": 64, "core_somaxconn": 4096,
        "tcp_wmem": (4096, 16_384, 4 << 20), "tcp_congestion_control": "cubic", "min_pmtu": 552,
    }  # fmt: skip
    assert {name: getattr(sysctl, name) for name in wanted} == wanted


def test_every_field_has_a_type_that_text_can_give() -> None:
    for name, value in asdict(Sysctl()).items():
        assert type(value) in (int, bool, str, tuple), name
        assert type(value) is not tuple or (len(value) in (2, 3) and {*map(type, value)} == {int}), name
