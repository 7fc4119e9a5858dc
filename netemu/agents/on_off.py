"""``on_off``: send for ``on_ns``, be silent for ``off_ns``, and again; within a period at ``rate_bps`` or full speed.

Periods lie on a fixed schedule from the connection's start; a send() that blocks beyond its period delays nothing but
itself. The rate is kept by chunks of ``chunk_bytes``.
"""

from __future__ import annotations

from typing import Any

from netemu.agents.args import REQUIRED, Arg
from netemu.agents.endpoints import client_socket, totals
from netemu.agents.options import CLIENT, TCP, check
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.stream import Stream, StreamError

ARGS = (
    *CLIENT,
    *TCP,
    Arg("on_ns", int, REQUIRED, "length of a period of sending", low=1),
    Arg("off_ns", int, REQUIRED, "length of a silence"),
    Arg("cycles", int, None, "how many periods of sending; until the stop when absent", low=1),
    Arg("rate_bps", int, None, "payload bits per second while sending; full speed when absent", low=1),
)


__all__ = ["ARGS", "check", "run"]


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary with ``cycles`` begun."""
    stream = Stream(session, client_socket(session, args), args, Payload(args["chunk_bytes"]))
    cycles, error = 0, None
    try:
        if session.start() and stream.connect((args["address"], args["port"])):
            first_ns = stream.returned_ns - session.t0_ns
            period_ns = args["on_ns"] + args["off_ns"]
            while args["cycles"] is None or cycles < args["cycles"]:
                begin_ns = first_ns + cycles * period_ns
                if cycles:
                    session.log.idle(args["off_ns"])
                if not session.sleep_until(begin_ns):
                    break
                cycles += 1
                _send_period(session, stream, args, begin_ns)
    except StreamError as failure:
        error = str(failure)
    return {"error": error, "cycles": cycles, **totals([stream.finish()])}


def _send_period(session: Session, stream: Stream, args: dict[str, Any], begin_ns: int) -> None:
    end_ns, rate, chunk = begin_ns + args["on_ns"], args["rate_bps"], args["chunk_bytes"]
    before = stream.sent
    due_ns = begin_ns
    while session.stop_reason is None:
        if rate:
            due_ns = begin_ns + (stream.sent - before) * 8_000_000_000 // rate
            if due_ns >= end_ns or not session.sleep_until(due_ns):
                return
        stream.send(chunk)
        if stream.returned_ns - session.t0_ns >= end_ns:
            return
