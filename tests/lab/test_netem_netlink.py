"""Netem by netlink on real kernels, in guests: what was set is there, by our reading and by tc's."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from netemu.kernels.uml_boot import run_guest
from tests.kernels.machines import machine_of, virtual_kernels

KERNELS = virtual_kernels()


@pytest.fixture(scope="module", params=KERNELS or [None], ids=lambda entry: "none" if entry is None else entry.name)
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What netem_guest prints on each series in the cache."""
    if request.param is None:
        pytest.skip("no kernel with virtual time is in the cache: netemu kernels build 7.2")
    found: dict[str, Any] = {}
    with TemporaryDirectory() as directory:
        guest = run_guest(machine_of(request.param), ["tests.lab.netem_guest"], Path(directory), found.update)
    assert guest.exit_code == 0, guest.tail
    return found


def test_the_kernel_has_what_was_asked_to_the_nanosecond(settings: dict[str, Any]) -> None:
    assert [found for setting in settings.values() for found in setting["mismatches"]] == []
    delay, rate, _ = settings["full"]["shown"]
    assert (delay["options"]["delay_ns"], delay["options"]["jitter_ns"]) == (10_000_703, 1_000_001)
    assert (rate["handle"], rate["parent"], rate["options"]["rate_bps"]) == ("2:", "1:1", 20_000_000)
    assert settings["plain"]["shown"][0]["options"]["delay_ns"] == 1
    assert settings["fast"]["shown"][1]["options"]["rate_bps"] == 100_000_000_000
    assert settings["bare"]["shown"][0]["options"] == {"limit": 1_000_000}


def test_tc_sees_the_same(settings: dict[str, Any]) -> None:
    chance, rate, ingress = settings["full"]["tc"]
    assert (chance["handle"], chance["root"], chance["options"]["limit"]) == ("1:", True, 1_000_000)
    model = chance["options"]["loss-gemodel"]
    assert model == pytest.approx({"p": 0.01, "r": 0.3, "1-h": 0.9, "1-k": 0.001})
    assert chance["options"]["corrupt"]["corrupt"] == pytest.approx(0.001)
    assert (rate["parent"], rate["options"]["limit"]) == ("1:1", 50)
    assert (rate["options"]["rate"]["rate"], rate["options"]["rate"]["packetoverhead"]) == (2_500_000, 24)
    assert chance["options"]["delay"]["delay"] == pytest.approx(0.010_000_703, abs=1e-6)
    assert chance["options"]["reorder"]["reorder"] == pytest.approx(0.01)
    assert ingress["kind"] == "clsact"
    plain = settings["plain"]["tc"][0]["options"]
    assert plain["loss-random"]["loss"] == pytest.approx(0.013)
    assert plain["duplicate"]["duplicate"] == pytest.approx(0.1)


def test_frames_are_redirected_by_one_filter(settings: dict[str, Any]) -> None:
    found = [entry for entry in settings["bare"]["filters"] if "options" in entry]
    assert [(entry["kind"], entry["protocol"]) for entry in found] == [("matchall", "all")]
    (action,) = found[0]["options"]["actions"]
    assert (action["kind"], action["mirred_action"], action["direction"], action["to_dev"]) == (
        "mirred",
        "redirect",
        "egress",
        "lo",
    )
