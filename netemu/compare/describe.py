"""A comparison of two runs as an object for ``--json`` and as text, both sides beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netemu.compare.fields import ABSENT, FIELDS
from netemu.compare.packets import StreamDiff, identical_ratio
from netemu.compare.runs import RunDiff, Side
from netemu.compare.state import state_around
from netemu.figures.selection import DIRECTIONS

_FLAGS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (64, "E"), (128, "W"), (16, "."))
CONTEXT = 3


def as_json(diff: RunDiff, context: int = CONTEXT) -> dict[str, Any]:
    """Everything that :func:`text_of` tells, as plain data."""
    return {
        "a": str(diff.a.root.resolve()),
        "b": str(diff.b.root.resolve()),
        "identical": diff.identical,
        "identical_ratio": diff.identical_ratio,
        "tolerance_ns": diff.tolerance_ns,
        "ignored": list(diff.ignored),
        "left_out_captures": list(diff.left_out),
        "starts": [{"flow": one.flow, "number": one.number, "a_ns": one.a_ns, "b_ns": one.b_ns} for one in diff.starts],
        "streams": [_stream(stream) for stream in diff.streams],
        "first": first_difference(diff, context),
    }


def _stream(stream: StreamDiff) -> dict[str, Any]:
    capture, flow, number, direction = stream.stream
    fields = {name: int((stream.differs >> bit & 1).sum()) for bit, name in enumerate(FIELDS)}
    return {
        "capture": capture,
        "flow": flow,
        "number": number,
        "direction": DIRECTIONS[direction],
        "identical": stream.identical,
        "altered": stream.altered,
        "only_a": stream.only_a,
        "only_b": stream.only_b,
        "fields": {name: count for name, count in fields.items() if count},
    }


def flows_as_json(diff: RunDiff, context: int = CONTEXT) -> list[dict[str, Any]]:
    """Each flow in the order in which they begin: how alike it is, in what it differs how often, and where first.

    ``first`` is what :func:`first_difference` says of the flow, with the packets around it and the sender's state.
    """
    told = []
    for flow in diff.flows:
        streams = diff.of_flow(flow)
        fields: dict[str, int] = {}
        for stream in streams:
            for name, count in _stream(stream)["fields"].items():
                fields[name] = fields.get(name, 0) + count
        told.append(
            {
                "flow": flow,
                "identical_ratio": identical_ratio(streams),
                "only_a": sum(stream.only_a for stream in streams),
                "only_b": sum(stream.only_b for stream in streams),
                "fields": fields,
                "first": first_difference(diff, context, flow),
            }
        )
    return told


def first_difference(diff: RunDiff, context: int = CONTEXT, flow: str | None = None) -> dict[str, Any] | None:
    """The first difference: where, in what, the packets around it on both sides, and the sender's state; or None.

    ``flow`` None: of all flows.
    """
    found = diff.first(flow)
    if found is None:
        return None
    stream, pair = found
    around = range(max(0, pair - context), min(len(stream.pairs), pair + context + 1))
    t_ns = diff.time_ns(stream, pair)
    return {
        **{
            name: value for name, value in _stream(stream).items() if name in ("capture", "flow", "number", "direction")
        },
        "t_ns": t_ns,
        "differs": _in_what(stream, pair),
        "packets": [
            {
                "first": index == pair,
                "differs": _in_what(stream, index),
                "a": _packet(diff.a, int(stream.pairs[index, 0])),
                "b": _packet(diff.b, int(stream.pairs[index, 1])),
            }
            for index in around
        ],
        "sender_a": _sender(diff.a, stream, int(stream.pairs[pair, 0]), t_ns),
        "sender_b": _sender(diff.b, stream, int(stream.pairs[pair, 1]), t_ns),
    }


def _in_what(stream: StreamDiff, pair: int) -> list[str]:
    a, b = stream.pairs[pair].tolist()
    return ["only in B"] if a < 0 else ["only in A"] if b < 0 else list(stream.names(pair))


def _packet(side: Side, row: int) -> dict[str, Any] | None:
    if row < 0:
        return None
    packet = side.packets.row(row, named=True)
    values = {name: None if packet[name] == ABSENT else packet[name] for name in FIELDS}
    return {"frame": packet["frame"], "t_ns": packet["t_ns"], **values}


def _sender(side: Side, stream: StreamDiff, row: int, t_ns: int) -> list[dict[str, Any]]:
    import polars as pl

    capture, flow, number, direction = stream.stream
    here = (pl.col("capture") == capture) & (pl.col("flow") == flow) & (pl.col("number") == number)
    connections = side.connections.filter(here)
    if connections.is_empty():
        return []
    ends = connections.select("client", "server").row(0)
    own_ns = int(side.packets["t_ns"][row]) if row >= 0 else t_ns
    return state_around(side.tables, side.root, ends[direction], ends[1 - direction], own_ns)


def text_of(diff: RunDiff, context: int = CONTEXT) -> str:
    """The comparison for a person; the last line is the verdict."""
    told = as_json(diff, context)
    lines = [f"{side.label}  {side.root}" for side in (diff.a, diff.b)]
    lines.append(_how(diff))
    lines += [f"  ! capture {name} is in one run only: not compared" for name in diff.left_out]
    lines += ["", *_summary(told["streams"]), ""]
    for one in told["starts"]:
        begun = [f"at {_seconds(at)} s" if at is not None else "never" for at in (one["a_ns"], one["b_ns"])]
        lines.append(f"flow {one['flow']}, connection {one['number']}: begins {begun[0]} in A, {begun[1]} in B")
    if told["first"] is not None:
        lines += [*first_text(told["first"]), ""]
    lines.append(f"identical_ratio {told['identical_ratio']:.6f}: {'identical' if diff.identical else 'different'}")
    return "\n".join(lines)


def _how(diff: RunDiff) -> str:
    if diff.tolerance_ns is None:
        times = "times are not compared (real time scatters; --tolerance 1ms compares them)"
    else:
        times = (
            "times are compared exactly" if diff.tolerance_ns == 0 else f"times may differ by {diff.tolerance_ns} ns"
        )
    return times + (f"; left out: {', '.join(diff.ignored)}" if diff.ignored else "")


def _summary(streams: list[dict[str, Any]]) -> Iterator[str]:
    head = ("flow", "capture", "direction", "identical", "altered", "only A", "only B", "in what")
    rows = [head]
    for one in streams:
        fields = ", ".join(f"{name} {count}" for name, count in one["fields"].items())
        flow = one["flow"] if one["number"] == 1 else f"{one['flow']} #{one['number']}"
        counts = [str(one[name]) for name in ("identical", "altered", "only_a", "only_b")]
        rows.append((flow, one["capture"], one["direction"], *counts, fields))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = [
            cell.rjust(width) if 3 <= column <= 6 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def first_text(first: dict[str, Any]) -> Iterator[str]:
    """What :func:`first_difference` found, for a person: both sides beside each other, then the sender of each."""
    yield (
        f"first difference: flow {first['flow']}, connection {first['number']}, {first['direction']}, in capture"
        f" {first['capture']} at {_seconds(first['t_ns'])} s: {', '.join(first['differs'])}"
    )
    rows = [("A", "B", "", False)]
    rows += [(_line(p["a"]), _line(p["b"]), ", ".join(p["differs"]), p["first"]) for p in first["packets"]]
    width = max(len(row[0]) for row in rows)
    other = max(len(row[1]) for row in rows)
    for left, right, what, marked in rows:
        yield f"{'>' if marked else ' '} {left:<{width}} | {right:<{other}}  {what}".rstrip()
    yield "sender around it, at times of the run (packets: since the connection's first):"
    for name in ("a", "b"):
        states = first[f"sender_{name}"] or [None]
        for state in states:
            yield f"  {name.upper()} " + ("the run has no sample of this socket" if state is None else _state(state))


def _line(packet: dict[str, Any] | None) -> str:
    if packet is None:
        return "-"
    flags = "".join(letter for bit, letter in _FLAGS if packet["flags"] & bit)
    text = f"#{packet['frame']:<5} {_seconds(packet['time'])} {flags:<3} {packet['seq']}+{packet['payload']}"
    text += f" ack {packet['ack']} win {packet['window']}"
    if packet["mss"] >= 0 or packet["window_scale"] >= 0:
        text += f" mss {packet['mss']} wscale {packet['window_scale']}"
    return text + (f" sack {packet['sack']}" if packet["sack"] else "")


def _state(state: dict[str, Any]) -> str:
    values = [_value(name, value) for name, value in state.items() if name not in ("source", "t_ns")]
    return f"{_seconds(state['t_ns'])} s {state['source']:<9} {' '.join(values)}"


def _value(name: str, value: Any) -> str:
    if name.endswith("_ns") and value is not None:
        return f"{name.removesuffix('_ns')} {value / 1e6:g} ms"
    return f"{name.removesuffix('_segments').removesuffix('_bytes')} {'-' if value is None else value}"


def _seconds(t_ns: int) -> str:
    """Seconds to the nanosecond."""
    return f"{t_ns / 1e9:.9f}" if abs(t_ns) < 2**53 else str(t_ns)
