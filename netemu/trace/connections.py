"""The table ``connections``: what the compiled pass holds of each when the file has been read to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.kinds import CAPTURED, ENDS, OPENINGS, RETRANSMISSION_KINDS
from netemu.recording.tables import CONNECTION_SIDE
from netemu.trace import layout as m
from netemu.trace.column import Column, Marked, Named, Nullable, Rows, absent_at, null_where, of_list
from netemu.trace.engine import Reader
from netemu.trace.gather import fields_of
from netemu.trace.lifetime import RESET_REFUSED
from netemu.trace.state import both_flows
from netemu.trace.tables import endpoint_texts

_CLASSES = tuple(f"retransmits_{name}" for name in RETRANSMISSION_KINDS)
_OF_THE_OTHERS_PACKETS = ("acked_bytes", "isn", "packets")
"""What the other direction's packets tell of a side of which the capture holds none; its packets are none."""
_OF_BOTH = ("acked_bytes", "spurious_retransmits", *_CLASSES)
"""What of a side only both directions together tell."""
_COUNTERS = tuple(name for name in m.COUNTERS if name in CONNECTION_SIDE)
_TELLS_SIDE = """
mss_announced mss_used_bytes wscale isn una fin_end packets isn_known syn_sent syn_ack_sent synced reset_kind
first_data_ns last_data_ns unique_payload_bytes data_segments
"""
_TELLS_CONNECTION = """
capture index version addr_lo_hi addr_lo_lo port_lo addr_hi_hi addr_hi_lo port_hi client_is_low start_ns end_ns
syn_seen syn_ack_seen fin_seen rst_seen reset_by
"""
_OF_FLOW, _OF_CONNECTION = tuple(dict.fromkeys([*_COUNTERS, *_TELLS_SIDE.split()])), tuple(_TELLS_CONNECTION.split())
"""What a row is made of."""
FIGURES = ("path_mtu_bytes", "rtt_min_ns", "rtt_median_ns")
"""What of a side others than the pass tell."""


def _endpoints(table: Any, names: tuple[str, str, str]) -> pl.Series:
    return endpoint_texts(*(table[name] for name in ("version", *names)))


def _isn_is_true(flows: Any) -> Any:
    """Where a SYN or the answer to it told the initial sequence number."""
    return (flows["syn_sent"] + flows["syn_ack_sent"] + flows["synced"]) > 0


def _fin_acked(flows: Any) -> Any:
    return (flows["fin_end"] > 0) & (flows["una"] >= flows["fin_end"])


def captured_code(a: Any, b: Any) -> Any:
    """Codes of CAPTURED. One direction is missing where the other acknowledges it, and it has no packet."""
    only_client = (b["packets"] == 0) & (b["isn_known"] == 1)
    only_server = (a["packets"] == 0) & (a["isn_known"] == 1)
    return np.select([only_client, only_server], [CAPTURED.index("client"), CAPTURED.index("server")], 0)


def opening_code(a: Any, b: Any) -> Any:
    """Codes of OPENINGS."""
    syn_a, syn_b, syn_ack = a["syn_sent"] == 1, b["syn_sent"] == 1, (a["syn_ack_sent"] + b["syn_ack_sent"]) > 0
    cases = {
        "simultaneous": syn_a & syn_b,
        "handshake": (syn_a | syn_b) & syn_ack,
        "syn_only": syn_a | syn_b,
        "syn_ack_only": syn_ack,
    }
    return np.select(list(cases.values()), [OPENINGS.index(name) for name in cases], OPENINGS.index("midstream"))


def end_code(table: Any, a: Any, b: Any) -> Any:
    """Codes of ENDS."""
    fin_a, fin_b = a["fin_end"] > 0, b["fin_end"] > 0
    refused = table["reset_by"] > 0
    refused &= (a["reset_kind"] == RESET_REFUSED) | (b["reset_kind"] == RESET_REFUSED)
    opening = opening_code(a, b)
    begun = (opening != OPENINGS.index("midstream")) & ((a["una"] == 0) | (b["una"] == 0))
    cases = {
        "refused": refused,
        "reset_by_client": table["reset_by"] == 1,
        "reset_by_server": table["reset_by"] == 2,
        "closed": fin_a & fin_b & _fin_acked(a) & _fin_acked(b),
        "closing": fin_a & fin_b,
        "client_closed": fin_a,
        "server_closed": fin_b,
        "unanswered": begun & (opening == OPENINGS.index("syn_only")) & (b["isn_known"] == 0),
        "half_open": begun,
    }
    return np.select(list(cases.values()), [ENDS.index(name) for name in cases], ENDS.index("established"))


def _life(table: Any, a: Any, b: Any) -> dict[str, Column]:
    """What was captured of each connection, how it began and how it ended; null where one direction cannot tell."""
    captured, end = captured_code(a, b), end_code(table, a, b)
    told = (captured == 0) | (table["reset_by"] > 0)
    return {
        "captured": of_list("captured", captured),
        "opening": of_list("opening", opening_code(a, b)),
        "end": of_list("end", np.where(told, end, -1)),
    }


def _hidden(column: Column, untold: Any) -> Column:
    """The column, null where ``untold``."""
    if isinstance(column, Named):
        return Named(np.where(untold, -1, column.codes), column.names)
    if isinstance(column, Marked):
        return Marked(np.where(untold, column.absent, column.values), column.absent, column.less)
    if isinstance(column, Nullable):
        return Nullable(column.values, column.absent | untold)
    return Nullable(column, untold)


def _hide_untold(side: dict[str, Column], missing: Any, other_missing: Any) -> dict[str, Column]:
    """Null for what the captured direction cannot tell."""
    found = {}
    for name, column in side.items():
        untold = np.zeros(missing.size, bool)
        untold |= missing if name not in _OF_THE_OTHERS_PACKETS else untold
        untold |= other_missing if name in _OF_BOTH else untold
        found[name] = _hidden(column, untold) if untold.any() else column
    return found


def _side(flows: Any, figures: Mapping[str, Any]) -> dict[str, Column]:
    counters = {name: flows[name] for name in _COUNTERS}
    side: dict[str, Column] = dict(counters)
    side["retransmitted_segments"] = sum(counters[name] for name in _CLASSES)
    for name, column in (
        ("mss_announced_bytes", "mss_announced"),
        ("mss_used_bytes", "mss_used_bytes"),
        ("window_scale", "wscale"),
    ):
        side[name] = absent_at(flows[column], -1)
    side["isn"] = null_where(~_isn_is_true(flows), flows["isn"])
    side["acked_bytes"] = np.maximum(flows["una"] - 1 - _fin_acked(flows), 0)
    side["reset_kind"] = of_list("reset_kind", flows["reset_kind"])
    side["max_window_bytes"] = np.maximum(counters["max_window_bytes"], 0)
    side |= {
        name: absent_at(figures[name] if name in figures else np.full(flows["una"].size, -1), -1) for name in FIGURES
    }
    span = flows["last_data_ns"] - flows["first_data_ns"]
    with np.errstate(divide="ignore", invalid="ignore"):
        goodput = flows["unique_payload_bytes"] * 8e9 / span
    side["goodput_bps"] = null_where((flows["data_segments"] < 2) | (span <= 0), goodput)
    return side


def connections_rows(reader: Reader, numbers: Any, figures: Mapping[str, Any], origin_ns: int) -> Rows:
    """The connections of these ``numbers``, of which nothing follows.

    ``figures`` are those of :data:`FIGURES` for every flow of the file, -1 for null; one that is missing is null.
    """
    table = fields_of(reader.state.tables["connections"], numbers, _OF_CONNECTION)
    flows = fields_of(reader.state.tables["flows"], both_flows(numbers), _OF_FLOW)
    sides = [{name: values[way::2] for name, values in flows.items()} for way in (0, 1)]
    low = _endpoints(table, ("addr_lo_hi", "addr_lo_lo", "port_lo"))
    high = _endpoints(table, ("addr_hi_hi", "addr_hi_lo", "port_hi"))
    is_low = pl.Series(table["client_is_low"] == 1)
    columns: dict[str, Column] = {
        "capture": Named(table["capture"].astype(np.uint16), reader.names),
        "connection": table["index"].astype(np.int32),
        "client": low.zip_with(is_low, high),
        "server": high.zip_with(is_low, low),
        "start_ns": table["start_ns"] - origin_ns,
        "duration_ns": table["end_ns"] - table["start_ns"],
        "complete": (table["syn_seen"] == 1)
        & (table["syn_ack_seen"] == 1)
        & ((table["fin_seen"] == 3) | (table["rst_seen"] == 1)),
    }
    a, b = sides
    columns |= _life(table, a, b)
    missing = {
        "a_": captured_code(a, b) == CAPTURED.index("server"),
        "b_": captured_code(a, b) == CAPTURED.index("client"),
    }
    for way, prefix, other in ((0, "a_", "b_"), (1, "b_", "a_")):
        side = _side(sides[way], {name: values[2 * numbers + way] for name, values in figures.items()})
        side = _hide_untold(side, missing[prefix], missing[other])
        columns |= {prefix + name: column for name, column in side.items()}
    return columns
