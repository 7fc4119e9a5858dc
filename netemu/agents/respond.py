"""``respond``: for each ``request_bytes`` received, wait ``delay_ns`` and send ``response_bytes`` in ``writes`` calls.

Modes ``blocking`` and ``timeout`` serve one connection after the other, ``nonblocking`` all at once (a response is
written whole, and its delay waited for, before another connection is served: one thread).
"""

from __future__ import annotations

from typing import Any

from netemu.agents import options
from netemu.agents.args import REQUIRED, Arg
from netemu.agents.options import SERVER, TCP
from netemu.agents.server import CONNECTIONS, serve
from netemu.agents.session import Session
from netemu.agents.stream import Stream
from netemu.errors import BadInput

ARGS = (
    *SERVER,
    *TCP,
    CONNECTIONS,
    Arg("request_bytes", int, REQUIRED, "size of a request; the same as the client's", low=1),
    Arg("response_bytes", int, REQUIRED, "size of a response"),
    Arg("delay_ns", int, 0, "from a request's last byte to the response's first send()"),
    Arg("writes", int, 1, "send() calls per response", low=1),
)


class Responder:
    """Answers the requests of one connection."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self._session = session
        self._request: int = args["request_bytes"]
        self._chunk: int = args["chunk_bytes"]
        self._delay: int = args["delay_ns"]
        whole, writes = args["response_bytes"], args["writes"]
        self._parts = [whole // writes + (index < whole % writes) for index in range(writes)]
        self._missing = self._request

    def serve(self, stream: Stream) -> bool:
        """One recv(), and the response when it completes a request."""
        self._missing -= stream.recv(min(self._missing, self._chunk))
        if self._missing == 0:
            self._missing = self._request
            if self._delay:
                self._session.sleep(self._delay)
            many, stream.multiplexed = stream.multiplexed, False
            done = all(stream.send_all(part) for part in self._parts if part)
            stream.multiplexed = many
            if not done:
                return False
        return not stream.at_end and self._session.stop_reason is None


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    if args["writes"] > max(1, args["response_bytes"]):
        raise BadInput(f"{place}: argument 'writes': {args['writes']} is more than response_bytes")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary; the socket listens before ``ready``."""
    return serve(session, args, lambda: Responder(session, args))
