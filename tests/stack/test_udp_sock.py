"""A UDP socket's record has what options and poll ask of every socket."""

from __future__ import annotations

from netemu.stack.sock import TcpSock, fields_of
from netemu.stack.udp_sock import Datagram, UdpSock
from tests.stack.hosts import Pair


def test_shared_fields_have_the_names_and_defaults_of_a_stream_s() -> None:
    shared = set(fields_of(UdpSock)) & set(fields_of(TcpSock))
    assert {"sk_rcvbuf", "sk_err", "sk_shutdown", "sk_watchers", "inet_saddr", "ttl", "tos", "pmtudisc"} <= shared
    pair = Pair()
    stream = pair.sk("a", pair.socket("a"))
    datagrams = UdpSock(stream.net, stream.sk_family)
    for name in ("ttl", "tos", "pmtudisc", "sk_rcvlowat"):
        assert getattr(datagrams, name) == getattr(stream, name)


def test_a_datagram_remembers_its_sender() -> None:
    datagram = Datagram(b"x", "10.0.0.1", 9, 768)
    assert (datagram.payload, datagram.source, datagram.source_port, datagram.truesize) == (b"x", "10.0.0.1", 9, 768)
