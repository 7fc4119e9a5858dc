"""``small_writes``: ``count`` send() calls of ``size_bytes``, one each ``gap_ns`` (0: as fast as they return).

With ``nodelay`` each leaves at once, with ``cork`` only full segments leave until the end, with neither Nagle's
algorithm decides.
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
    Arg("size_bytes", int, REQUIRED, "bytes of one send(); at most chunk_bytes", low=1),
    Arg("count", int, None, "how many; until the stop when absent", low=1),
    Arg("gap_ns", int, 0, "from one send() to the next, on a fixed schedule"),
)


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    if args["size_bytes"] > args["chunk_bytes"]:
        raise BadInput(f"{place}: argument 'size_bytes': {args['size_bytes']} is more than chunk_bytes")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary with ``writes`` done."""
    stream = Stream(session, client_socket(session, args), args, Payload(args["chunk_bytes"]))
    writes, error = 0, None
    try:
        if session.start() and stream.connect((args["address"], args["port"])):
            first_ns = stream.returned_ns - session.t0_ns
            while args["count"] is None or writes < args["count"]:
                if args["gap_ns"] and writes:
                    session.log.idle(args["gap_ns"])
                    session.sleep_until(first_ns + writes * args["gap_ns"])
                if not stream.send_all(args["size_bytes"]):
                    break
                writes += 1
    except StreamError as failure:
        error = str(failure)
    return {"error": error, "writes": writes, **totals([stream.finish()])}
