"""Headers made of a packet are those that are read from its bytes."""

from __future__ import annotations

import pytest

from netemu.link import Headers, parse_headers
from netemu.packet.bytes import to_bytes
from netemu.packet.ip import Packet, Tcp, Udp
from netemu.sim.headers import headers_of
from tests.sim.packets import ALL


def fields(headers: Headers | None) -> dict[str, object]:
    return {name: getattr(headers, name) for name in Headers.__slots__}


@pytest.mark.parametrize("packet", [one for one in ALL if isinstance(one.body, Tcp | Udp) or one.protocol in (1, 58)])
def test_they_are_those_of_its_bytes(packet: Packet) -> None:
    if not isinstance(packet.body, bytes):
        assert fields(headers_of(packet)) == fields(parse_headers(to_bytes(packet)))
