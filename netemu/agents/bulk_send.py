"""``bulk_send``: connect, send ``bytes`` (or until the agent's stop), end the connection as ``close`` says."""

from __future__ import annotations

from typing import Any

from netemu.agents.args import Arg
from netemu.agents.endpoints import client_socket, totals
from netemu.agents.options import CLIENT, TCP, check
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.agents.stream import Stream, StreamError

ARGS = (*CLIENT, *TCP, Arg("bytes", int, None, "how many bytes to send; until the stop when absent", low=0))


__all__ = ["ARGS", "check", "run"]


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary; raises the errors of the socket's options before ``ready``."""
    payload = Payload(args["chunk_bytes"])
    stream = Stream(session, client_socket(session, args), args, payload)
    error = None
    try:
        if session.start() and stream.connect((args["address"], args["port"])):
            left = args["bytes"] if args["bytes"] is not None else 1 << 62
            stream.send_all(left)
    except StreamError as failure:
        error = str(failure)
    return {"error": error, **totals([stream.finish()])}
