"""``request``: send ``request_bytes`` in ``writes`` send() calls, receive ``response_bytes``, think, ``count`` times.

``writes`` 2 is the write-write-read pattern, in which Nagle's algorithm meets delayed acknowledgements.
"""

from __future__ import annotations

from typing import Any

from netemu.agents import options
from netemu.agents.args import REQUIRED, Arg
from netemu.agents.endpoints import client_socket, totals
from netemu.agents.options import CLIENT, TCP
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.stream import Stream, StreamError
from netemu.errors import BadInput

ARGS = (
    *CLIENT,
    *TCP,
    Arg("request_bytes", int, REQUIRED, "size of a request", low=1),
    Arg("response_bytes", int, REQUIRED, "size of a response; the same as the server's"),
    Arg("count", int, None, "how many; until the stop when absent", low=1),
    Arg("think_ns", int, 0, "from a response to the next request"),
    Arg("writes", int, 1, "send() calls per request", low=1),
)


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    if args["writes"] > args["request_bytes"]:
        raise BadInput(f"{place}: argument 'writes': {args['writes']} is more than request_bytes")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary with ``requests`` done and the times from first send() to the response's last byte."""
    stream = Stream(session, client_socket(session, args), args, Payload(args["chunk_bytes"]))
    times: list[int] = []
    error = None
    try:
        if session.start() and stream.connect((args["address"], args["port"])):
            _exchange(session, stream, args, times)
    except StreamError as failure:
        error = str(failure)
    return {"error": error, "requests": len(times), "response_ns": spread(times), **totals([stream.finish()])}


def _exchange(session: Session, stream: Stream, args: dict[str, Any], times: list[int]) -> None:
    whole, writes = args["request_bytes"], args["writes"]
    parts = [whole // writes + (index < whole % writes) for index in range(writes)]
    while session.stop_reason is None and (args["count"] is None or len(times) < args["count"]):
        begin = session.system.monotonic_ns()
        if not all(stream.send_all(part) for part in parts) or not stream.recv_all(args["response_bytes"]):
            return
        times.append(stream.returned_ns - begin)
        if args["think_ns"]:
            session.sleep(args["think_ns"])


def spread(times: list[int]) -> dict[str, int] | None:
    """Smallest, median, 99th percentile (nearest rank) and largest; None of nothing."""
    if not times:
        return None
    ranked = sorted(times)
    last = len(ranked) - 1
    return {"min": ranked[0], "median": ranked[last // 2], "p99": ranked[-(-99 * last // 100)], "max": ranked[last]}
