"""What a relay process is told, and what of its account makes a run void; the processes run in test_wire.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from netemu.lab.wire_relay import faults, processors_of, relay_spec, seed_of
from netemu.link import LinkParameters
from netemu.specs import LinkDirection
from tests.lab.plans import chain, pair

GOOD: dict[str, Any] = {"kernel_drops": 0, "truncated": 0, "send_errors": {}}


def spec(plan: Any, in_all: int) -> dict[str, Any]:
    sites: Any = [SimpleNamespace(link=link, namespace=SimpleNamespace(path="/proc/1/fd/9")) for link in plan.links]
    return relay_spec(sites, Path("/run/x"), 7, in_all)


def test_a_wire_s_spec_is_json_that_the_model_reads() -> None:
    direction = LinkDirection(mtu_bytes=9000, rate_bps=8000)
    (wire,) = msgspec.json.decode(msgspec.json.encode(spec(pair(direction), 1)))["wires"]
    assert LinkParameters.from_mapping(wire["a_to_b"], "x").phases[0].rate_bps == 8000
    assert (wire["link"], wire["namespace"], wire["log"]) == ("l1", "/proc/1/fd/9", "/run/x/l1.jsonl")
    assert wire["frame_bytes"] >= 9014
    assert wire["seeds"] == {"a_to_b": seed_of(7, "l1", "a_to_b"), "b_to_a": seed_of(7, "l1", "b_to_a")}


def test_every_direction_of_every_link_has_a_seed_of_its_own() -> None:
    seeds = [seed for wire in spec(chain(), 2)["wires"] for seed in wire["seeds"].values()]
    assert len(set(seeds)) == 4
    assert seed_of(8, "l1", "a_to_b") not in seeds


def test_rings_of_many_links_share_their_memory() -> None:
    few, many = (spec(chain(), in_all)["wires"][0]["ring_bytes"] for in_all in (2, 200))
    assert few > many
    assert 2 * 200 * many <= 256 << 20


def test_super_segments_get_slots_they_fit() -> None:
    plan = pair()
    plan = msgspec.structs.replace(plan, links=(msgspec.structs.replace(plan.links[0], offloads=True),))
    assert spec(plan, 1)["wires"][0]["frame_bytes"] > 65536


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ({}, None),
        ({"kernel_drops": 3}, "link l1 a_to_b: the relay was too slow, 3 frames did not fit its ring"),
        ({"truncated": 2}, "link l1 a_to_b: 2 frames were longer than the link's MTU"),
        ({"send_errors": {"Network is down": 4}}, "link l1 a_to_b: 4 frames not sent: Network is down"),
    ],
)
def test_what_the_relay_itself_lost_makes_the_run_void(account: dict[str, Any], says: str | None) -> None:
    assert faults("l1", {"a_to_b": {**GOOD, **account}, "b_to_a": GOOD}) == ([] if says is None else [says])


def test_a_relay_has_another_processor_to_help_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 4, 6})
    assert [processors_of(number) for number in range(4)] == [[1, 4], [4, 6], [6, 1], [1, 4]]
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {4})
    assert processors_of(0) == []


def test_in_virtual_time_a_relay_needs_no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netemu.lab.wire_relay.time_is_virtual", lambda: True)
    assert processors_of(0) == []
