"""The kernel's network counters by nstat's names, from /proc/thread-self/net of the current network namespace."""

from __future__ import annotations

import json
from typing import Any

from netemu.agents import files
from netemu.agents.libc import NetworkNamespace

_PROC = "/proc/thread-self/net/"


def read_counters() -> dict[str, int]:
    """Every counter of ``snmp``, ``netstat`` and ``snmp6``: ``TcpRetransSegs``, ``TcpExtTCPLossProbes``, ``Ip6...``.

    Names are those that nstat prints. Raises OSError when /proc is not there; ``snmp6`` is absent without IPv6.
    """
    counters: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        counters.update(parse_pairs(files.read(_PROC + name)))
    try:
        counters.update(parse_snmp6(files.read(_PROC + "snmp6")))
    except FileNotFoundError:
        counters = dict(counters)  # a kernel with IPv6 disabled has no such file
    return counters


def read_counters_of(namespace: str) -> dict[str, int]:
    """:func:`read_counters` of the network namespace at a path; the calling thread is back in its own afterwards."""
    with NetworkNamespace(namespace):
        return read_counters()


def parse_pairs(text: str) -> dict[str, int]:
    """Pairs of lines ``Tcp: names...`` and ``Tcp: values...`` as ``snmp`` and ``netstat`` have them."""
    lines = text.splitlines()
    counters = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        prefix, _, rest = names.partition(":")
        for name, value in zip(rest.split(), values.partition(":")[2].split(), strict=True):
            counters[prefix + name] = int(value)
    return counters


def parse_snmp6(text: str) -> dict[str, int]:
    """Lines ``Ip6InReceives 12`` as ``snmp6`` has them."""
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def differences(host: str, before: dict[str, int], after: dict[str, int]) -> list[dict[str, Any]]:
    """Rows of ``recording.tables.COUNTERS``, one per counter, in order of name; a new counter was 0 before."""
    names = sorted(before.keys() | after.keys())
    return [{"host": host, "counter": n, "before": before.get(n, 0), "after": after.get(n, 0)} for n in names]


def to_lines(rows: list[dict[str, Any]]) -> str:
    """The text of ``samples/counters.jsonl``."""
    return "".join(json.dumps(row) + "\n" for row in rows)
