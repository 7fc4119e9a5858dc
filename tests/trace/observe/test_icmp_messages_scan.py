"""Echo requests and their replies, and how densely messages came."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trace.build import MS
from tests.trace.observe.packets import A6, B6, A, B, echo, table


@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)])
def test_a_reply_answers_its_request_only(tmp_path: Path, a: str, b: str) -> None:
    records = [echo(100 * n, n, source=a, destination=b) for n in range(4)]
    records += [echo(100 * n + 10 + n, n, reply=True, source=b, destination=a) for n in (0, 2)]
    records += [echo(230, 2, reply=True, source=b, destination=a), echo(350, 9, reply=True, source=b, destination=a)]
    request = table(tmp_path, sorted(records), "icmp_messages").to_dicts()[0]
    assert (request["source"], request["packets"], request["answered"], request["lost"]) == (a, 4, 2, 2)
    assert [request[f"{name}_rtt_ns"] for name in ("min", "mean", "max")] == [10 * MS, 11 * MS, 12 * MS]


def test_rates_show_in_gaps_and_in_the_fullest_second(tmp_path: Path) -> None:
    times = [0, 1, 2, 999, 1000, 3000, 3500]
    row = table(tmp_path, [echo(t_ms, n) for n, t_ms in enumerate(times)], "icmp_messages").to_dicts()[0]
    assert (row["min_gap_ns"], row["most_in_second"]) == (MS, 4)
