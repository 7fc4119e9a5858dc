"""A guest's side of probing: what it sends over crossing links, and what it reports of what came."""

from __future__ import annotations

import socket
import time

import pytest

from netemu.lab.namespace import Namespace
from netemu.lab.part import Part
from netemu.lab.part_network import PartNetwork
from netemu.lab.part_probe import CrossingProbes
from netemu.lab.probe_port import frame
from netemu.specs import LinkDirection
from tests.lab.plans import pair
from tests.lab.test_part_network import OUTSIDE, bridged, outside

pytestmark = pytest.mark.lab
__all__ = ["outside"]


def test_what_is_sent_and_what_came_is_told_in_our_time(outside: Namespace) -> None:
    plan = pair(LinkDirection(rate_bps=10_000_000))
    with PartNetwork.build_part(plan, Part(("h1",), {"l1": "vec0"})) as network, outside.entered():
        relay = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
        relay.bind((OUTSIDE, 0x88B5))
        bridged(network)
        probes = CrossingProbes(network, plan.links)
        assert probes.refused() == {"0": True}
        before_ns = time.monotonic_ns()
        sent = probes.send("delay", [0, 1], 4000.0)
        after_ns = time.monotonic_ns()
        assert list(sent) == ["0"]
        assert len(sent["0"]["sent_ns"]) == 7
        assert all(before_ns - 10**6 <= when <= after_ns + 10**6 for when in sent["0"]["sent_ns"])
        assert sent["0"]["held_bytes"] is None
        port, far = network.wiring.port(plan.links[0], "a"), network.wiring.port(plan.links[0], "b")
        relay.send(frame((far, port), 200, 1, 2, 9))
        (came,) = probes.collect()
        assert came[:4] == [1, 2, 9, 200]
        assert after_ns - 10**6 <= came[4] <= time.monotonic_ns() + 10**6
        train = probes.send("train", [0], 12000.0)["0"]
        assert train["held_bytes"] == 0
        assert 0 < train["wait_ns"] < 10**9
        probes.close()
        relay.close()
