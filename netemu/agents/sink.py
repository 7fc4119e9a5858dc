"""``sink``: accept connections and read everything, as slowly as asked.

Reading: ``chunk_bytes`` per recv(), one recv() each ``interval_ns`` when that is not 0, none in
``initial_pause_ns`` after a connection's accept nor in ``pauses`` (items [at_ns, for_ns] of the run's time), none
at all after ``stop_after_bytes`` of a connection (which then ends as ``close`` says).

``waitall``: a recv() with MSG_WAITALL takes data from the queue as it comes, as a reader who is always there would, and
returns with all of ``chunk_bytes`` at once: few calls, which is what a bulk transfer in a guest's virtual time wants.

Modes ``blocking`` and ``timeout`` serve one connection after the other, ``nonblocking`` all at once.
"""

from __future__ import annotations

import socket
from typing import Any

from netemu.agents import options
from netemu.agents.args import Arg
from netemu.agents.options import SERVER, TCP
from netemu.agents.server import CONNECTIONS, serve, serves_at_once
from netemu.agents.session import Session
from netemu.agents.stream import Stream
from netemu.errors import BadInput


def _check_pauses(value: list[Any]) -> str | None:
    end = 0
    for item in value:
        if not (isinstance(item, list) and len(item) == 2 and all(isinstance(n, int) and n >= 0 for n in item)):
            return "must hold items [at_ns, for_ns]"
        if item[0] < end:
            return "must be in order of time and not overlap"
        end = item[0] + item[1]
    return None


ARGS = (
    *SERVER,
    *TCP,
    CONNECTIONS,
    Arg("interval_ns", int, 0, "from one recv() to the next"),
    Arg("initial_pause_ns", int, 0, "from accept() to the first recv()"),
    Arg("pauses", list, [], "items [at_ns, for_ns]: no recv() then", check=_check_pauses),
    Arg("stop_after_bytes", int, None, "read no more of a connection after this many bytes"),
    Arg("waitall", bool, False, "MSG_WAITALL: a recv() takes data as it comes and returns with all it asked for"),
)


class Reader:
    """Reads one connection at the pace asked; times are ``t_ns``."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self._session = session
        self._chunk: int = args["chunk_bytes"]
        self._interval: int = args["interval_ns"]
        self._pauses = [(at, at + length) for at, length in args["pauses"]]
        self._limit: int | None = args["stop_after_bytes"]
        self._flags = socket.MSG_WAITALL if args["waitall"] else 0
        self._next_ns = session.now() + args["initial_pause_ns"] if args["initial_pause_ns"] else 0

    def serve(self, stream: Stream) -> bool:
        """One recv() when its time has come; False when this connection is read no further."""
        if not self._wait():
            return False
        room = self._chunk if self._limit is None else min(self._chunk, self._limit - stream.received)
        if room > 0:
            stream.recv(room, self._flags)
        return not stream.at_end and (self._limit is None or stream.received < self._limit)

    def _wait(self) -> bool:
        if self._interval or self._pauses or self._next_ns:
            now = self._session.now()
            while (wake := self._due(now)) > now and self._session.stop_reason is None:
                self._session.log.idle(wake - now)
                self._session.sleep_until(wake)
                now = self._session.now()  # a busy machine may have let it wake in the next pause
            self._next_ns = wake + self._interval if self._interval else 0
        return self._session.stop_reason is None

    def _due(self, now_ns: int) -> int:
        """When the next recv() may be, as seen at ``now_ns``."""
        due_ns = max(self._next_ns, now_ns)
        for at_ns, end_ns in self._pauses:
            if at_ns <= due_ns < end_ns:
                due_ns = end_ns
        return due_ns


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    paced = args["interval_ns"] or args["initial_pause_ns"] or args["pauses"]
    if args["waitall"] and args["mode"] != "blocking":
        raise BadInput(f"{place}: waitall needs mode 'blocking', not {args['mode']!r}")
    if paced and serves_at_once(args):
        raise BadInput(f"{place}: slow reading in mode 'nonblocking' needs connections 1")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary; the socket listens before ``ready``."""
    return serve(session, args, lambda: Reader(session, args))
