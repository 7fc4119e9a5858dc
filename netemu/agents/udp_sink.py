"""``udp_sink``: receive the datagrams of one ``udp_send``; each recv() is logged with sequence number and send time."""

from __future__ import annotations

import socket
import struct
from typing import Any

from netemu.agents import libc
from netemu.agents.args import Arg
from netemu.agents.datagrams import HEADER, UDP, receiver
from netemu.agents.options import SERVER, check
from netemu.agents.payload import Payload
from netemu.agents.request import spread
from netemu.agents.session import Session
from netemu.agents.stream import StreamError
from netemu.agents.system import Socket

ARGS = (
    *(arg for arg in SERVER if arg.name != "backlog"),
    *UDP,
    Arg("count", int, None, "end after this many; at the stop when absent", low=1),
)
__all__ = ["ARGS", "check", "run"]
_LARGEST_BYTES = 65536
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary: received, lost, duplicate, out of order, dropped by the socket, delays."""
    sock = receiver(session, args)
    account = Account(Payload(_LARGEST_BYTES))
    error = None
    if session.start():
        try:
            _receive(session, sock, account, args["count"])
        except StreamError as failure:
            error = str(failure)
    dropped = struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[_SK_MEMINFO_DROPS]
    sock.close()
    return {"error": error, "socket_drops": dropped, **account.summary()}


def _receive(session: Session, sock: Socket, account: Account, count: int | None) -> None:
    log, t0_ns, fd = session.log, session.t0_ns, sock.fileno()
    system, monotonic_ns = session.system, session.system.monotonic_ns
    address = account.payload.receive_address
    while session.stop_reason is None and (count is None or account.datagrams < count):
        begin = monotonic_ns()
        done = system.recv(fd, address, _LARGEST_BYTES, 0)
        end = monotonic_ns()
        if done >= 0:
            detail = account.take(done, end - t0_ns)
            log.add(begin, "recv", end - begin, asked=_LARGEST_BYTES, done=done, detail=detail)
            continue
        name = libc.errno_name(system.last_errno())
        log.add(begin, "recv", end - begin, asked=_LARGEST_BYTES, error=name)
        if name != "EINTR":
            raise StreamError("recv", None, system.last_errno())


class Account:
    """What came: datagrams by sequence number, wrong bytes, one-way delays on the one clock of both ends."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.datagrams = self.mismatch_bytes = self._bytes = self._out_of_order = 0
        self._highest = -1
        self._seen: set[int] = set()
        self._delays: list[int] = []

    def take(self, size: int, t_ns: int) -> dict[str, int] | None:
        """Note a datagram of ``size`` bytes in the payload's receive buffer; its header, None when it has none."""
        self.datagrams += 1
        self._bytes += size
        if size < HEADER.size:
            self.mismatch_bytes += size
            return None
        seq, sent_ns = HEADER.unpack(self.payload.received(HEADER.size))
        self.mismatch_bytes += self.payload.mismatches(HEADER.size, size - HEADER.size, HEADER.size)
        self._out_of_order += seq < self._highest
        self._highest = max(self._highest, seq)
        self._seen.add(seq)
        self._delays.append(t_ns - sent_ns)
        return {"seq": seq, "sent_ns": sent_ns}

    def summary(self) -> dict[str, Any]:
        """``lost`` counts gaps below the highest number that came; what was lost at the end is not known here."""
        return {
            "datagrams": self.datagrams,
            "received_bytes": self._bytes,
            "mismatch_bytes": self.mismatch_bytes,
            "lost": self._highest + 1 - len(self._seen),
            "duplicates": self.datagrams - len(self._seen),
            "out_of_order": self._out_of_order,
            "delay_ns": spread(self._delays),
        }
