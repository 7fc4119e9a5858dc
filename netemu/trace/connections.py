"""The table ``connections``: what the compiled pass holds of each when the file has been read to its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.kinds import CAPTURED, ENDS, OPENINGS, RETRANSMISSION_KINDS
from netemu.recording.tables import CONNECTION_SIDE, CONNECTIONS
from netemu.trace import layout as m
from netemu.trace.engine import Reader
from netemu.trace.lifetime import RESET_REFUSED
from netemu.trace.tables import endpoint_text, enumerated, nullable, polars_schema

_CLASSES = tuple(f"retransmits_{name}" for name in RETRANSMISSION_KINDS)
_OF_THE_OTHERS_PACKETS = ("acked_bytes", "isn", "packets")
"""What the other direction's packets tell of a side of which the capture holds none; its packets are none."""
_OF_BOTH = ("acked_bytes", "spurious_retransmits", *_CLASSES)
"""What of a side only both directions together tell."""


def _endpoints(table: Any, names: tuple[str, str, str]) -> list[str]:
    columns = (table[name].tolist() for name in ("version", *names))
    return [endpoint_text(*end) for end in zip(*columns, strict=True)]


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


def _life(table: Any, a: Any, b: Any) -> dict[str, Any]:
    """What was captured of each connection, how it began and how it ended; null where one direction cannot tell."""
    captured, end = captured_code(a, b), end_code(table, a, b)
    told = (captured == 0) | (table["reset_by"] > 0)
    return {
        "captured": enumerated("captured", captured.astype(np.uint8)),
        "opening": enumerated("opening", opening_code(a, b).astype(np.uint8)),
        "end": enumerated("end", end.astype(np.uint8)).set(pl.Series(~told), None),
    }


def _hide_untold(side: dict[str, Any], missing: Any, other_missing: Any) -> dict[str, Any]:
    """Null for what the captured direction cannot tell."""
    hidden = {}
    for name, values in side.items():
        untold = np.zeros(missing.size, bool)
        untold |= missing if name not in _OF_THE_OTHERS_PACKETS else untold
        untold |= other_missing if name in _OF_BOTH else untold
        hidden[name] = pl.Series(values).set(pl.Series(untold), None) if untold.any() else values
    return hidden


def _side(flows: Any, medians: Any, minima: Any) -> dict[str, Any]:
    side: dict[str, Any] = {name: np.ascontiguousarray(flows[name]) for name in m.COUNTERS if name in CONNECTION_SIDE}
    side["retransmitted_segments"] = sum(side[name] for name in _CLASSES)
    for name, column in (
        ("mss_announced_bytes", "mss_announced"),
        ("mss_used_bytes", "mss_used_bytes"),
        ("path_mtu_bytes", "pmtu"),
        ("window_scale", "wscale"),
    ):
        side[name] = nullable(flows[column])
    side["isn"] = pl.Series(flows["isn"] & 0xFFFFFFFF).cast(pl.UInt32).set(pl.Series(~_isn_is_true(flows)), None)
    side["acked_bytes"] = np.maximum(flows["una"] - 1 - _fin_acked(flows), 0)
    side["reset_kind"] = enumerated("reset_kind", flows["reset_kind"].astype(np.uint8))
    side["max_window_bytes"] = np.maximum(flows["max_window_bytes"], 0)
    side["rtt_min_ns"], side["rtt_median_ns"] = nullable(minima), nullable(medians)
    span = flows["last_data_ns"] - flows["first_data_ns"]
    with np.errstate(divide="ignore", invalid="ignore"):
        goodput = flows["unique_payload_bytes"] * 8e9 / span
    side["goodput_bps"] = pl.Series(np.where((flows["data_segments"] >= 2) & (span > 0), goodput, np.nan)).fill_nan(
        None
    )
    return side


def _rtt_figures(connections: int, samples: Any) -> tuple[Any, Any]:
    """Median (rounded down) and minimum of the RTT samples of every flow; -1 where there is none."""
    median, minimum = np.full(2 * connections, -1, np.int64), np.full(2 * connections, -1, np.int64)
    if samples.size:
        flow, rtt = samples[:, 0], samples[:, 1]
        order = np.lexsort((rtt, flow))
        flow, rtt = flow[order], rtt[order]
        starts = np.flatnonzero(np.r_[True, flow[1:] != flow[:-1]])
        ends = np.r_[starts[1:], flow.size]
        minimum[flow[starts]] = rtt[starts]
        median[flow[starts]] = (rtt[(starts + ends - 1) // 2] + rtt[(starts + ends) // 2]) // 2
    return median, minimum


def connections_frame(reader: Reader, samples: Any, origin_ns: int) -> pl.DataFrame:
    """The connections of a file read to its end; ``samples`` are (flow number, RTT) pairs of all chunks."""
    table = reader.state.rows("connections", "connection_count")
    flows = reader.state.tables["flows"][: 2 * table.size]
    median, minimum = _rtt_figures(table.size, samples)
    low = _endpoints(table, ("addr_lo_hi", "addr_lo_lo", "port_lo"))
    high = _endpoints(table, ("addr_hi_hi", "addr_hi_lo", "port_hi"))
    is_low = (table["client_is_low"] == 1).tolist()
    columns: dict[str, Any] = {
        "capture": pl.Series(reader.names, dtype=pl.String).gather(table["capture"].astype(np.uint32)),
        "connection": table["index"].astype(np.int32),
        "client": [a if first else b for a, b, first in zip(low, high, is_low, strict=True)],
        "server": [b if first else a for a, b, first in zip(low, high, is_low, strict=True)],
        "start_ns": table["start_ns"] - origin_ns,
        "duration_ns": table["end_ns"] - table["start_ns"],
        "complete": (table["syn_seen"] == 1)
        & (table["syn_ack_seen"] == 1)
        & ((table["fin_seen"] == 3) | (table["rst_seen"] == 1)),
    }
    a, b = flows[0::2], flows[1::2]
    columns |= _life(table, a, b)
    missing = {
        "a_": captured_code(a, b) == CAPTURED.index("server"),
        "b_": captured_code(a, b) == CAPTURED.index("client"),
    }
    for direction, prefix, other in ((0, "a_", "b_"), (1, "b_", "a_")):
        side = _side(flows[direction::2], median[direction::2], minimum[direction::2])
        side = _hide_untold(side, missing[prefix], missing[other])
        columns |= {prefix + name: values for name, values in side.items()}
    return pl.DataFrame({name: columns[name] for name in CONNECTIONS}, schema=polars_schema(CONNECTIONS))
