"""Minimum and median of each flow, whether its samples lie in memory or in a file."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace import rtt_samples
from netemu.trace.rtt_samples import RttSamples

CHUNKS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 5), st.one_of(st.integers(-9, 9), st.sampled_from([-(1 << 61), 1 << 61]))), max_size=12
    ),
    max_size=8,
)


def expected(samples: list[tuple[int, int]], flows: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"rtt_median_ns": [], "rtt_min_ns": []}
    for flow in range(flows):
        own = sorted(rtt for number, rtt in samples if number == flow)
        middle = (statistics.median_low(own) + statistics.median_high(own)) // 2 if own else -1
        found["rtt_median_ns"].append(middle)
        found["rtt_min_ns"].append(min(own, default=-1))
    return found


def lists(figures: dict[str, Any]) -> dict[str, list[int]]:
    return {name: values.tolist() for name, values in figures.items()}


def gathered(chunks: list[list[tuple[int, int]]]) -> RttSamples:
    samples = RttSamples()
    for chunk in chunks:
        pairs = np.array(chunk, np.int64).reshape(-1, 2)
        samples.add(pairs[:, 0], pairs[:, 1])
    return samples


@pytest.mark.parametrize("most", [0, 1, 7, 1000])
def test_figures_are_those_of_all_samples_of_a_flow(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtt_samples, "MOST", most)

    @given(CHUNKS)
    def check(chunks: list[list[tuple[int, int]]]) -> None:
        samples, whole = gathered(chunks), [one for chunk in chunks for one in chunk]
        assert lists(samples.figures(7)) == expected(whole, 7)
        assert lists(samples.figures(7)) == expected(whole, 7)  # they stay

    check()


@pytest.mark.parametrize("most", [0, 4, 1000])
def test_flows_that_go_on_keep_their_samples_and_get_other_numbers(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtt_samples, "MOST", most)
    samples = gathered([[(0, 5), (1, 7), (2, 9)], [(2, 3), (1, 1), (0, 2)], [(2, 4)]])
    samples.keep(np.array([-1, 0, 1, -1]))
    samples.add(np.array([0, 3]), np.array([6, 8]))
    kept = [(0, 7), (0, 1), (0, 6), (1, 9), (1, 3), (1, 4), (3, 8)]
    assert lists(samples.figures(4)) == expected(kept, 4)
