"""UDP sockets of agents, and the header of their datagrams: sequence number and send time (``t_ns``), big endian."""

from __future__ import annotations

import socket
import struct
from typing import Any

from netemu.agents.args import Arg
from netemu.agents.endpoints import bind
from netemu.agents.options import TCP, apply_plain_options, family_of
from netemu.agents.session import Session
from netemu.agents.system import Socket

HEADER = struct.Struct(">Qq")
UDP = tuple(arg for arg in TCP if arg.name in ("sndbuf_bytes", "rcvbuf_bytes", "setsockopt"))
SIZE = Arg("size_bytes", int, 1000, "UDP payload of each datagram", low=HEADER.size, high=65507)


def sender(session: Session, args: dict[str, Any]) -> Socket:
    """A UDP socket connected to ``address`` and ``port``, so that ICMP errors reach it."""
    sock = session.system.socket(family_of(args, session.place), socket.SOCK_DGRAM)
    apply_plain_options(session, sock, args)
    if args["source_address"] is not None or args["source_port"]:
        source = args["source_address"] or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0")
        bind(session, sock, source, args["source_port"], "source_address")
    sock.connect((args["address"], args["port"]))
    return sock


def receiver(session: Session, args: dict[str, Any]) -> Socket:
    """A UDP socket bound to ``port`` of ``address``, or of all addresses."""
    sock = session.system.socket(family_of(args, session.place), socket.SOCK_DGRAM)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    apply_plain_options(session, sock, args)
    bind(session, sock, args["address"] or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0"), args["port"])
    return sock
