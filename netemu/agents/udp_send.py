"""``udp_send``: datagrams at a constant rate, each with its sequence number and send time.

The schedule is absolute: a late datagram does not delay those behind it. Errors that ICMP brings (ECONNREFUSED,
EMSGSIZE, EHOSTUNREACH) are logged and sending goes on.
"""

from __future__ import annotations

import ctypes
from typing import Any

from netemu.agents import libc, options
from netemu.agents.args import Arg
from netemu.agents.datagrams import HEADER, SIZE, UDP, sender
from netemu.agents.options import CLIENT
from netemu.agents.payload import Payload
from netemu.agents.session import Session
from netemu.errors import BadInput

ARGS = (
    *CLIENT,
    *UDP,
    SIZE,
    Arg("rate_bps", int, None, "bits of UDP payload per second; this or interval_ns", low=1),
    Arg("interval_ns", int, None, "from one datagram to the next", low=1000),
    Arg("count", int, None, "how many; until the stop when absent", low=1),
)


def check(args: dict[str, Any], place: str) -> None:
    """Refuse what :data:`ARGS` cannot: see the messages."""
    options.check(args, place)
    if (args["rate_bps"] is None) == (args["interval_ns"] is None):
        raise BadInput(f"{place}: exactly one of 'rate_bps' and 'interval_ns' must be given")


def run(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary: datagrams and bytes sent, calls that failed, how late the latest was."""
    sock = sender(session, args)
    size = args["size_bytes"]
    numerator, divisor = (args["interval_ns"], 1) if args["interval_ns"] else (size * 8_000_000_000, args["rate_bps"])
    buffer = ctypes.create_string_buffer(Payload(size).expected(0, size), size)
    sent = failed = tried = latest_ns = 0
    if session.start():
        log, t0_ns, first_ns = session.log, session.t0_ns, session.now()
        system, monotonic_ns = session.system, session.system.monotonic_ns
        address, fd = ctypes.addressof(buffer), sock.fileno()
        while args["count"] is None or tried < args["count"]:
            due_ns = first_ns + tried * numerator // divisor
            if not session.sleep_until(due_ns):
                break
            begin = monotonic_ns()
            HEADER.pack_into(buffer, 0, tried, begin - t0_ns)
            done = system.send(fd, address, size, 0)
            end = monotonic_ns()
            latest_ns = max(latest_ns, begin - t0_ns - due_ns)
            error = libc.errno_name(system.last_errno()) if done < 0 else None
            log.add(begin, "send", end - begin, asked=size, done=done if done >= 0 else None, error=error)
            tried += 1
            sent += done >= 0
            failed += done < 0
    sock.close()
    return {"datagrams": sent, "failed": failed, "sent_bytes": sent * size, "latest_ns": latest_ns}
