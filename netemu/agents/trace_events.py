"""Lines of ``trace_pipe`` to events, and events to the run they belong to. Pure: no tracefs here.

Tracepoints carry no namespace. An event is this run's when its socket's cookie is known from the run's samples or
agent logs; ``tcp_probe`` and ``tcp_receive_reset`` carry the cookie, the others are led to it by their endpoints and,
where the text has it, ``skaddr``. What stays without a cookie (a socket before it has a port or that never received
in ESTABLISHED, a reset without a socket), or is led to this run's and another run's socket at once, is taken by its
addresses: it may be another run's on this machine with the same addresses, and says ``"attribution":"address"``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_IPV6_FAMILY = "AF_INET6"
POINTERS = ("skaddr", "skbaddr")
"""Fields that hold addresses of the kernel's memory, hashed."""


def parse_line(line: str, t0_ns: int) -> dict[str, Any] | None:
    """The event of one line of text, ``t_ns`` in steps of 1 us as the kernel prints it; None for other lines.

    Own fields keep their names and values (integers where they are, hexadecimal ones too); ``local`` and ``remote``
    are added as ip:port with IPv6 in brackets.
    """
    head, found, body = line.partition(": ")
    name, found_body, fields = body.partition(": ")
    stamp = head.rpartition(" ")[2]
    seconds, dot, micro = stamp.partition(".")
    if not (found and found_body and dot and seconds.isdigit() and micro.isdigit()):
        return None
    event: dict[str, Any] = {
        "t_ns": int(seconds) * 1_000_000_000 + int(micro.ljust(9, "0")) - t0_ns,
        "event": name,
        "host": None,
    }
    for item in fields.split():
        key, equals, value = item.partition("=")
        if equals:
            event[key] = _value(key, value)
    event["local"], event["remote"] = _endpoint(event, "s", "src"), _endpoint(event, "d", "dest")
    return event


def _value(key: str, value: str) -> int | str:
    if key == "sock_cookie":
        return int(value, 16)
    if value.lstrip("-").isdigit() and key not in POINTERS:
        return int(value)
    if value.startswith("0x") and key not in POINTERS:
        return int(value, 16)
    return value


def _endpoint(event: Mapping[str, Any], side: str, whole: str) -> str | None:
    if whole in event:
        return str(event[whole])
    if side + "port" not in event:
        return None
    if event.get("family") == _IPV6_FAMILY:
        return f"[{event[side + 'addrv6']}]:{event[side + 'port']}"
    return f"{event[side + 'addr']}:{event[side + 'port']}"


class Ownership:
    """Which events are this run's.

    ``cookies``: cookie -> host, of every socket that the run is known to have had. ``addresses``: address -> host,
    of every host of the run.
    """

    def __init__(self, cookies: Mapping[int, str], addresses: Mapping[str, str]) -> None:
        self._cookies, self._addresses = cookies, addresses
        self._candidates: dict[tuple[object, ...], set[int]] = {}
        self.by_cookie = self.by_address = self.foreign = 0

    def learn(self, event: Mapping[str, Any]) -> None:
        """Note what leads from ``skaddr`` and endpoints to a cookie; first for all events, then :meth:`claim`."""
        cookie = event.get("sock_cookie")
        if cookie:
            ends = (event["local"], event["remote"])
            for key in (ends, (*ends, event.get("skaddr"))):
                self._candidates.setdefault(key, set()).add(cookie)

    def claim(self, event: dict[str, Any]) -> bool:
        """Whether the event is this run's; sets its ``host`` and ``attribution``, and the cookie it was led to."""
        own, foreign = self._sockets_of(event)
        if own and not foreign:
            event["host"], event["attribution"] = self._cookies[own[0]], "cookie"
            if len(own) == 1:
                event["sock_cookie"] = own[0]
            self.by_cookie += 1
            return True
        event["host"] = self._addresses.get(_address(event["local"]))
        event["attribution"] = "address"
        ours = event["host"] is not None and _address(event["remote"]) in self._addresses and bool(own or not foreign)
        self.by_address += ours
        self.foreign += not ours
        return ours

    def _sockets_of(self, event: Mapping[str, Any]) -> tuple[list[int], list[int]]:
        """The cookies that the event may be about: this run's, and others."""
        cookie = event.get("sock_cookie")
        ends = (event["local"], event["remote"])
        key = (*ends, event["skaddr"]) if "skaddr" in event else ends
        found = {cookie} if cookie else self._candidates.get(key, set())
        return sorted(found & self._cookies.keys()), sorted(found - self._cookies.keys())


def _address(endpoint: str | None) -> str:
    return (endpoint or "").rpartition(":")[0].strip("[]")


def own_events(
    lines: Iterable[str], again: Iterable[str], t0_ns: int, ownership: Ownership
) -> Iterator[dict[str, Any]]:
    """This run's events since ``t0_ns``, without addresses of memory, which no two runs share.

    ``lines`` and ``again`` are the same lines, read twice.
    """
    for line in lines:
        event = parse_line(line, t0_ns)
        if event is not None:
            ownership.learn(event)
    for line in again:
        event = parse_line(line, t0_ns)
        if event is not None and event["t_ns"] >= 0 and ownership.claim(event):
            yield {key: value for key, value in event.items() if key not in POINTERS}


def known_cookies(rows: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Cookie -> host from rows of ``samples/sockets.jsonl``, or of an agent's log behind its header."""
    cookies: dict[int, str] = {}
    host = None
    for row in rows:
        host = row.get("host", host)
        detail = row.get("detail")
        cookie = row.get("cookie") or (detail.get("cookie") if isinstance(detail, dict) else None)
        if cookie and host is not None:
            cookies[cookie] = host
    return cookies
