"""How agents come to connections: a client's connect, a server's listening socket; and the sums over connections."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from netemu.agents.options import TCP_FASTOPEN_CONNECT, apply_options, family_of, set_fastopen
from netemu.agents.session import Session
from netemu.agents.system import Socket
from netemu.errors import BadInput


def client_socket(session: Session, args: dict[str, Any]) -> Socket:
    """A TCP socket with its options set and bound to the source asked for; nothing is sent."""
    sock = session.system.socket(family_of(args, session.place), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    apply_options(session, sock, args)
    if args["fastopen"]:
        set_fastopen(session, sock, TCP_FASTOPEN_CONNECT, 1)
    if args["source_address"] is not None or args["source_port"]:
        source = args["source_address"] or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0")
        bind(session, sock, source, args["source_port"], "source_address")
    return sock


def listening_socket(session: Session, args: dict[str, Any]) -> Socket:
    """A listening TCP socket; accepted sockets inherit its options."""
    sock = session.system.socket(family_of(args, session.place), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    apply_options(session, sock, args)
    bind(session, sock, args["address"] or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0"), args["port"])
    if args["fastopen"]:
        set_fastopen(session, sock, socket.TCP_FASTOPEN, args["backlog"])
    sock.listen(args["backlog"])
    session.log.add(session.system.monotonic_ns(), "listen")
    return sock


def bind(session: Session, sock: Socket, address: str, port: int, argument: str = "address") -> None:
    """``bind``; :class:`BadInput` with the address when the kernel refuses it."""
    try:
        sock.bind((address, port))
    except OSError as error:
        where = f"{session.place}: argument {argument!r}"
        raise BadInput(f"{where}: cannot bind {address} port {port}: {error.strerror}") from error
    session.log.add(session.system.monotonic_ns(), "bind")


def totals(connections: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The summary of several connections: bytes, and the sums of what TCP_INFO counts."""
    connections = list(connections)
    infos = [connection["tcp_info"] for connection in connections]
    result: dict[str, Any] = {
        name: sum(connection[name] for connection in connections)
        for name in ("sent_bytes", "received_bytes", "mismatch_bytes")
    }
    for name in ("tcpi_total_retrans", "tcpi_bytes_retrans", "tcpi_segs_out", "tcpi_segs_in"):
        result[name] = sum(info.get(name, 0) for info in infos)
    result["connections"] = connections
    return result
