"""Every link is proved on running wires, and a wire that is not as asked is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from netemu.errors import VoidRun
from netemu.lab.network import Network
from netemu.lab.probe import probe_links, unproved
from netemu.lab.wire import start_wires
from netemu.specs import LinkDirection, Plan, Queue
from tests.lab.plans import chain, pair, star
from tests.lab.test_network import bridged

pytestmark = pytest.mark.lab
SHAPED = LinkDirection(rate_bps=10_000_000, delay_ns=10_000_000)


def proved(plan: Plan, directory: Path, really: Plan | None = None) -> list[dict[str, object]]:
    """The records of ``plan`` on wires that do what ``really`` says."""
    with Network.build(plan) as network:
        sites = network.wire_sites
        if really is not None:
            links = {link.name: link for link in really.links}
            sites = [type(site)(links[site.link.name], site.namespace) for site in sites]
        wires = start_wires(sites, directory, plan.seed)
        try:
            return probe_links(network, plan, wires.backends)
        finally:
            wires.kill()


@pytest.fixture
def bridges() -> Iterator[Network]:
    """A pair whose wire is a bare bridge: no rate, no delay."""
    with Network.build(pair()) as network:
        bridged(network)
        yield network


def quantities(record: dict[str, object]) -> dict[str, dict[str, object]]:
    found = record["quantities"]
    assert isinstance(found, dict)
    return found


def test_both_directions_of_a_link_are_proved(tmp_path: Path) -> None:
    records = proved(pair(SHAPED, msgspec.structs.replace(SHAPED, rate_bps=1_000_000, delay_ns=0)), tmp_path)
    assert [(record["link"], record["direction"]) for record in records] == [("l1", "a_to_b"), ("l1", "b_to_a")]
    there, back = map(quantities, records)
    assert there["rate_bps"]["measured"] == pytest.approx(10_000_000, rel=0.03)
    assert back["rate_bps"]["measured"] == pytest.approx(1_000_000, rel=0.03)
    assert there["mtu_bytes"]["measured"] == 1500
    assert there["held_bytes"] == {"asked": 0, "measured": 0, "tolerance": 0, "ok": True, "note": ""}


@pytest.mark.parametrize(
    ("really", "quantity"),
    [
        ({"delay_ns": 13_000_000}, "delay_ns: asked for 10000000, measured 13"),
        ({"rate_bps": 9_000_000}, "rate_bps: asked for 10000000, measured"),
        ({"rate_bps": 12_500_000}, "rate_bps: asked for 10000000, measured"),
    ],
)
def test_a_wire_that_is_not_as_asked_is_named(tmp_path: Path, really: dict[str, int], quantity: str) -> None:
    with pytest.raises(VoidRun, match=rf"link l1 b_to_a \(h2-eth0 to h1-eth0\): {quantity}"):
        proved(pair(SHAPED), tmp_path, pair(SHAPED, msgspec.structs.replace(SHAPED, **really)))


def test_a_wire_that_passes_nothing_is_named() -> None:
    with (
        Network.build(pair()) as network,
        pytest.raises(VoidRun, match=r"link l1 a_to_b .*: delay_ns: .*7 of 7 probes did not arrive"),
    ):
        probe_links(network, network.plan, {"l1": "relay"})


def test_a_wire_without_a_rate_is_proved_for_delay_and_mtu(bridges: Network) -> None:
    for record in probe_links(bridges, bridges.plan, {"l1": "relay"}):
        assert set(quantities(record)) == {"delay_ns", "mtu_bytes"}


def test_a_queue_in_front_of_the_line_that_does_not_orphan_is_found() -> None:
    plan = pair(LinkDirection(rate_bps=10_000_000))
    with Network.build(plan) as network:
        bridged(network)
        tbf = "tc qdisc add dev {} root tbf rate 10mbit burst 2000 limit 2000000"
        for end in ("a", "b"):
            assert network.wire_sites[0].namespace.popen(tbf.format(end).split()).wait() == 0
        with pytest.raises(VoidRun, match=r"held_bytes: asked for 0.*the wire does not orphan them"):
            probe_links(network, plan, {"l1": "relay"})


def test_an_mtu_narrower_in_the_wire_is_found(bridges: Network) -> None:
    assert bridges.wire_sites[0].namespace.popen(["ip", "link", "set", "dev", "b", "mtu", "1300"]).wait() == 0
    with pytest.raises(VoidRun, match=r"mtu_bytes: asked for 1500, measured None .*1500 bytes did not arrive"):
        probe_links(bridges, bridges.plan, {"l1": "relay"})


@pytest.mark.parametrize(
    "direction",
    [
        LinkDirection(rate_bps=64_000, delay_ns=30_000_000),
        LinkDirection(rate_bps=10_000_000, queue=Queue(packets=2)),
        LinkDirection(rate_bps=10_000_000, queue=Queue(bytes=8000)),
        LinkDirection(rate_bps=50_000_000, delay_ns=1_000_000),
        LinkDirection(rate_bps=10_000_000, delay_ns=20_000_000, jitter_ns=2_000_000),
    ],
)
def test_slow_fast_and_narrow_links_are_proved(tmp_path: Path, direction: LinkDirection) -> None:
    for record in proved(pair(direction), tmp_path):
        assert quantities(record)["rate_bps"]["ok"] is True


def test_losses_and_drop_lists_do_not_touch_probes(tmp_path: Path) -> None:
    from netemu.specs import DropRule, FixedLoss

    lossy = LinkDirection(rate_bps=10_000_000, loss=FixedLoss(0.9), drops=(DropRule("any", (1, 2, 3)),))
    assert unproved(proved(pair(lossy), tmp_path)) == []


def test_an_accepted_black_hole_is_probed_with_what_passes(tmp_path: Path) -> None:
    plan = pair(LinkDirection(mtu_bytes=1500), LinkDirection(mtu_bytes=1300), accept=("mtu_black_hole:l1",))
    there, back = map(quantities, proved(plan, tmp_path))
    assert (there["mtu_bytes"]["measured"], there["mtu_bytes"]["note"]) == (1300, "accepted as a black hole")
    assert back["mtu_bytes"]["measured"] == 1300


def test_routers_and_switches_are_probed_link_by_link(tmp_path: Path) -> None:
    for plan in (chain(), star(4, SHAPED)):
        assert len(proved(plan, tmp_path)) == 2 * len(plan.links)


def test_what_could_not_be_proved_is_one_line_each() -> None:
    finding = {"asked": 10**9, "measured": 2 * 10**8, "tolerance": 1, "ok": None, "note": "too fast"}
    record = {"link": "l1", "direction": "a_to_b", "quantities": {"rate_bps": finding}}
    assert unproved([record]) == ["link l1 a_to_b: rate_bps: asked for 1000000000, measured 200000000: too fast"]
