"""Each packet of one capture with its arrival in another.

First by what a packet says and no path changes: its sequence offset, payload, flags, acknowledgement and timestamps.
Most are told by that alone; their delays and IP identifications decide about the rest (:mod:`.ends_groups`), and what
was cut or merged on the way is compared byte by byte (:mod:`.ends_cover`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from netemu.trace.ends_cover import overlaps, settle
from netemu.trace.ends_groups import SLACK_NS, match_groups

_SAID = ("flow", "seq", "payload_bytes", "flags", "ack", "ts_val", "ts_ecr")
_ODD = np.uint64(0x9E3779B97F4A7C15)
_IDS_KEPT = 0.9
"""Share of packets that keep their IP identification on a path that keeps it at all."""


@dataclass(slots=True)
class Matches:
    """Parallel arrays, a row per stretch of a packet: rows of the two frames (-1: none), bytes, further copies.

    ``expected_ns`` is the delay, clocks included, that packets around it had; 0 where there are none.
    """

    sent: Any
    arrived: Any
    start: Any
    end: Any
    copy: Any
    expected_ns: Any


def with_key(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with the column ``key``: 64 bits of what a packet says; two of 10**7 collide once in 10**5 captures."""
    value = np.zeros(frame.height, np.uint64)
    for name in _SAID:
        value = _mixed(value + frame[name].to_numpy().astype(np.int64).view(np.uint64))
    return frame.with_columns(key=pl.Series(value, dtype=pl.UInt64))


def _mixed(value: Any) -> Any:
    """A bijective scramble of 64 bits."""
    value = (value ^ (value >> np.uint64(31))) * _ODD
    value = (value ^ (value >> np.uint64(29))) * _ODD
    return value ^ (value >> np.uint64(32))


def _groups(key: Any, rows: Any) -> tuple[Any, Any]:
    """``rows`` ordered by ``key``, and where each group begins and the last ends; order within a group stays."""
    order = pl.DataFrame({"key": key, "row": rows}).sort("key", maintain_order=True)
    sorted_key = order["key"].to_numpy()
    begins = np.flatnonzero(np.r_[True, sorted_key[1:] != sorted_key[:-1]]) if sorted_key.size else np.zeros(0, int)
    return order["row"].to_numpy(), np.r_[begins, sorted_key.size].astype(np.int64)


@dataclass(slots=True)
class _Both:
    """The rows of both frames behind each other, those sent first."""

    sent: pl.DataFrame
    arrived: pl.DataFrame

    def column(self, name: str) -> Any:
        return np.concatenate([self.sent[name].to_numpy(), self.arrived[name].to_numpy()])


def match(sent: pl.DataFrame, arrived: pl.DataFrame, *, causal: bool) -> Matches:
    """Match two captures' packets of the same flows, each in the order captured.

    Columns: ``key`` (:func:`with_key`), those it is made of, ``t_ns``, ``ip_id``. ``causal``: they share a clock.
    """
    both = _Both(sent, arrived)
    count = sent.height
    order, bounds = _groups(both.column("key"), np.arange(count + arrived.height))
    pairs, rest, ids_kept = _unique_pairs(both, order, bounds, causal)
    expected = _expected(sent, arrived, pairs)
    partner, copy_of = np.full(count + arrived.height, -1), np.full(count + arrived.height, -1)
    partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    if rest.size:
        key = both.column("key")[rest]
        if ids_kept:
            key = _mixed(key + both.column("ip_id")[rest].astype(np.uint64))
        order, bounds = _groups(key, rest)
        side = (np.arange(partner.size) >= count).astype(np.int8)
        t_ns = both.column("t_ns")
        match_groups(t_ns, expected, side, bounds, order, causal, partner, copy_of)
    return _with_super_segments(both, partner, copy_of, expected, causal)


def _unique_pairs(both: _Both, order: Any, bounds: Any, causal: bool) -> tuple[Any, Any, bool]:
    """Rows of groups of one and one; all rows of other groups, in order; whether IP identifications are kept."""
    count = both.sent.height
    two = np.flatnonzero(np.diff(bounds) == 2)
    first, second = order[bounds[two]], order[bounds[two] + 1]
    single = (first < count) & (second >= count)
    pairs = np.stack([first[single], second[single]], axis=1)
    ids, t_ns = both.column("ip_id"), both.column("t_ns")
    ids_a, ids_b = ids[pairs[:, 0]], ids[pairs[:, 1]]
    told = (ids_a != 0) & (ids_b != 0)
    ids_kept = bool(told.any()) and float((ids_a == ids_b)[told].mean()) >= _IDS_KEPT
    wrong = told & (ids_a != ids_b) & ids_kept
    if causal:
        wrong |= t_ns[pairs[:, 1]] < t_ns[pairs[:, 0]] - SLACK_NS
    pairs = pairs[~wrong]
    taken = np.zeros(order.size, np.bool_)
    taken[pairs.ravel()] = True
    return pairs, order[~taken[order]], ids_kept


def _expected(sent: pl.DataFrame, arrived: pl.DataFrame, pairs: Any) -> Any:
    """For every sent row the delay of the matched packet of its flow nearest in time; the median where it has none."""
    t_ns = sent["t_ns"].to_numpy()
    delay = arrived["t_ns"].to_numpy()[pairs[:, 1] - sent.height] - t_ns[pairs[:, 0]]
    usual = int(np.median(delay)) if delay.size else 0
    known = pl.DataFrame({"flow": sent["flow"].gather(pairs[:, 0]), "t_ns": t_ns[pairs[:, 0]], "delay": delay})
    rows = sent.select("flow", "t_ns").with_row_index("row").sort("t_ns")
    found = rows.join_asof(known.sort("t_ns"), on="t_ns", by="flow", strategy="nearest", check_sortedness=False)
    return found.sort("row")["delay"].fill_null(usual).to_numpy()


def _with_super_segments(both: _Both, partner: Any, copy_of: Any, expected: Any, causal: bool) -> Matches:
    """All rows: matched, copies, and what is left of either side after its bytes were compared."""
    count = both.sent.height
    seq, payload = both.column("seq"), both.column("payload_bytes").astype(np.int64)
    matched = np.flatnonzero(partner[:count] >= 0)
    copies = np.flatnonzero(copy_of >= 0)
    lone = np.flatnonzero((partner < 0) & (copy_of < 0))
    rows = [(matched, partner[matched], seq[matched], seq[matched] + payload[matched], np.zeros(matched.size, bool))]
    rows.append((copy_of[copies], copies, seq[copies], seq[copies] + payload[copies], np.ones(copies.size, bool)))
    with_data = payload[lone] > 0
    data_sent, data_arrived = lone[with_data & (lone < count)], lone[with_data & (lone >= count)]
    if data_sent.size and data_arrived.size:
        pieces, whole = _pieces(both, data_sent, data_arrived, expected, causal)
        rows += pieces
        lone = np.concatenate([lone[~with_data], whole])
    start, end = seq[lone], seq[lone] + payload[lone]
    rows.append(
        (np.where(lone < count, lone, -1), np.where(lone >= count, lone, -1), start, end, np.zeros(lone.size, bool))
    )
    sent, arrived, start, end, copy = (np.concatenate(column) for column in zip(*rows, strict=True))
    near = np.where(sent >= 0, expected[sent] if expected.size else 0, int(np.median(expected)) if expected.size else 0)
    return Matches(sent, np.where(arrived >= 0, arrived - count, -1), start, end, copy, near)


def _pieces(both: _Both, sent: Any, arrived: Any, expected: Any, causal: bool) -> tuple[list[Any], Any]:
    """Stretches of super-segments as rows of :class:`Matches`, and the rows of which nothing met."""
    names = ("flow", "seq", "seq", "t_ns", "ts_val")
    table = np.stack([both.column(name).astype(np.int64) for name in names], axis=1)
    table[:, 2] += both.column("payload_bytes")
    a = sent[np.lexsort((table[sent, 1], table[sent, 0]))]
    b = arrived
    longest = int((table[a, 2] - table[a, 1]).max())
    found = overlaps(table[a], table[b], expected[a], longest, causal)
    found = found[np.lexsort((table[b][found[:, 1], 3], found[:, 2], found[:, 0]))]
    copies, missing = settle(found, table[a])
    known = found[:, 0] >= 0
    met = np.zeros(both.sent.height + both.arrived.height, np.bool_)
    met[a[found[known, 0]]] = True
    met[b[found[:, 1]]] = True
    rows = [
        (np.where(known, a[found[:, 0]], -1), b[found[:, 1]], found[:, 2], found[:, 3], copies),
        (
            a[missing[:, 0]],
            np.full(missing.shape[0], -1),
            missing[:, 1],
            missing[:, 2],
            np.zeros(missing.shape[0], bool),
        ),
    ]
    lone = np.concatenate([sent, arrived])
    return rows, lone[~met[lone]]
