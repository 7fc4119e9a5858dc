"""A UDP socket's record has what options and poll ask of every socket."""

from __future__ import annotations

from netemu.stack.sock import TcpSock
from netemu.stack.udp_sock import Datagram, UdpSock


def test_shared_fields_have_the_names_and_defaults_of_a_stream_s() -> None:
    shared = set(UdpSock.__slots__) & set(TcpSock.__slots__)
    assert {"sk_rcvbuf", "sk_err", "sk_shutdown", "sk_watchers", "inet_saddr", "ttl", "tos", "pmtudisc"} <= shared
    kept = {name: UdpSock.__dataclass_fields__[name].default for name in ("ttl", "tos", "pmtudisc", "sk_rcvlowat")}
    assert kept == {name: TcpSock.__dataclass_fields__[name].default for name in kept}


def test_a_datagram_remembers_its_sender() -> None:
    datagram = Datagram(b"x", "10.0.0.1", 9, 768)
    assert (datagram.payload, datagram.source, datagram.source_port, datagram.truesize) == (b"x", "10.0.0.1", 9, 768)
