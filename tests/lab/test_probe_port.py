"""Probe frames cross a veth pair with their numbers, sizes and the kernel's times."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest

from netemu.lab.network import Network
from netemu.lab.probe_port import ETHERTYPE, MARK, ProbePort, frame
from netemu.specs import LinkDirection
from tests.lab.plans import pair, star
from tests.lab.test_network import bridged

pytestmark = pytest.mark.lab


@pytest.fixture
def ends() -> Iterator[tuple[ProbePort, ProbePort]]:
    with Network.build(pair(LinkDirection(mtu_bytes=1400))) as network:
        bridged(network)
        made = [ProbePort(network.wiring.ports[name][0], network.namespaces[name]) for name in ("h1", "h2")]
        yield made[0], made[1]
        for port in made:
            port.close()


def test_a_probe_arrives_with_all_that_it_says(ends: tuple[ProbePort, ProbePort]) -> None:
    source, sink = ends
    before_ns = time.time_ns()
    assert source.send(frame((source.port, sink.port), 1400, 3, 2, 77))
    select.select([sink], [], [], 2.0)
    (arrival,) = sink.arrivals()
    assert (arrival.target, arrival.kind, arrival.number, arrival.ip_bytes) == (3, 2, 77, 1400)
    assert 0 <= arrival.realtime_ns - before_ns < 100_000_000
    assert source.unsent_bytes() == 0


def test_a_frame_beyond_the_mtu_is_refused_and_one_of_it_is_not(ends: tuple[ProbePort, ProbePort]) -> None:
    source, sink = ends
    assert source.refuses(frame((source.port, sink.port), 1401, 0, 0, 0))
    assert not source.refuses(frame((source.port, sink.port), 1400, 0, 0, 0))


def test_other_frames_are_passed_over(ends: tuple[ProbePort, ProbePort]) -> None:
    source, sink = ends
    probe = frame((source.port, sink.port), 60, 1, 1, 1)
    assert source.send(probe.replace(MARK, b"netemu-senti"))
    assert source.send(probe)
    select.select([sink], [], [], 2.0)
    assert [arrival.number for arrival in sink.arrivals()] == [1]


def test_a_probe_to_a_switchs_port_is_seen_there_and_not_forwarded() -> None:
    with Network.build(star(2)) as network:
        bridged(network)
        h1, h2 = (ProbePort(network.wiring.ports[name][0], network.namespaces[name]) for name in ("h1", "h2"))
        switch = ProbePort(network.wiring.ports["s1"][0], network.namespaces["s1"])
        h1.send(frame((h1.port, switch.port), 60, 0, 1, 5))
        select.select([switch], [], [], 2.0)
        assert [arrival.number for arrival in switch.arrivals()] == [5]
        assert select.select([h2], [], [], 0.2)[0] == []
        for port in (h1, h2, switch):
            port.close()


def test_the_frame_is_of_the_local_experimental_ethertype() -> None:
    with Network.build(pair()) as network:
        ports = (network.wiring.ports["h1"][0], network.wiring.ports["h2"][0])
        made = frame(ports, 46, 1, 1, 1)
    assert made[:14].hex() == "020000000002" + "020000000001" + f"{ETHERTYPE:04x}"
    assert len(made) == 60
