"""The qdiscs of a direction and the comparison with the kernel's; kernels are asked in test_netem_netlink.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from netemu.lab import netem
from netemu.specs import FixedLoss, GilbertElliott, LinkDirection, Queue

FULL = LinkDirection(
    rate_bps=20_000_000,
    overhead_bytes=38,
    delay_ns=10_000_700,
    loss=GilbertElliott(0.01, 0.3, 1.0, 0.001),
    corrupt_ratio=0.001,
    queue=Queue(packets=50),
)

# What read_qdiscs() gives after the stages of FULL; counters cut.
SHOWN: list[dict[str, Any]] = [
    {
        "kind": "netem",
        "handle": "1:",
        "options": {
            "limit": 1000000,
            "delay_ns": 10_000_700,
            "p": 0.01,
            "r": 0.3,
            "loss_in_bad": 1,
            "loss_in_good": 0.001,
            "corrupt": 0.001,
        },
        "bytes": 100,
        "packets": 10,
        "drops": 7,
    },
    {
        "kind": "netem",
        "handle": "2:",
        "options": {"limit": 50, "rate_bps": 20_000_000, "overhead_bytes": 24},
        "bytes": 100,
        "packets": 10,
        "drops": 3,
    },
    {"kind": "clsact", "handle": "ffff:", "bytes": 0, "packets": 0, "drops": 0},
]


def stages(direction: LinkDirection, *, chance: bool) -> list[tuple[str, str | None, dict[str, float]]]:
    parameters = netem.parameters_of(direction, "l1")
    found = netem.stages(parameters, parameters.phases[0], chance=chance)
    return [(stage.handle, stage.parent, dict(stage.options)) for stage in found]


def test_a_rate_takes_a_stage_of_its_own_behind_the_delay() -> None:
    chance = {"p": 0.01, "r": 0.3, "loss_in_bad": 1.0, "loss_in_good": 0.001, "corrupt": 0.001}
    assert stages(FULL, chance=True) == [
        ("1:", None, {"limit": 1_000_000, "delay_ns": 10_000_700, **chance}),
        ("2:", "1:1", {"limit": 50, "rate_bps": 20_000_000, "overhead_bytes": 24}),
    ]


def test_before_traffic_nothing_is_left_to_chance() -> None:
    assert stages(FULL, chance=False) == [
        ("1:", None, {"limit": 1_000_000, "delay_ns": 10_000_700}),
        ("2:", "1:1", {"limit": 50, "rate_bps": 20_000_000, "overhead_bytes": 24}),
    ]


def test_without_a_rate_one_netem_does_everything() -> None:
    direction = LinkDirection(
        delay_ns=1_000_000, jitter_ns=7, reorder_ratio=0.01, loss=FixedLoss(0.013), duplicate_ratio=0.1
    )
    delay = {"limit": 1_000_000, "delay_ns": 1_000_000, "jitter_ns": 7}
    assert stages(direction, chance=False) == [("1:", None, delay)]
    assert stages(direction, chance=True) == [("1:", None, {**delay, "reorder": 0.01, "loss": 0.013, "duplicate": 0.1})]


def test_the_kernel_s_answer_matches() -> None:
    parameters = netem.parameters_of(FULL, "l1")
    assert netem.mismatches(parameters, parameters.phases[0], SHOWN, chance=True) == []


@pytest.mark.parametrize(
    ("stage", "option", "value", "says"),
    [
        (0, "limit", 999, "netem 1: (chance and delay) limit: asked 1000000, kernel has 999"),
        (0, "p", 0.02, "p: asked 0.01, kernel has 0.02"),
        (0, "duplicate", 0.5, "duplicate: asked 0, kernel has 0.5"),
        (1, "rate_bps", 20_000_008, "rate_bps: asked 20000000, kernel has 20000008"),
        (1, "overhead_bytes", 0, "overhead_bytes: asked 24, kernel has 0"),
        (0, "delay_ns", 10_000_701, "delay_ns: asked 10000700, kernel has 10000701"),
    ],
)
def test_another_setting_in_the_kernel_is_told(stage: int, option: str, value: Any, says: str) -> None:
    shown = copy.deepcopy(SHOWN)
    shown[stage]["options"][option] = value
    parameters = netem.parameters_of(FULL, "l1")
    (found,) = netem.mismatches(parameters, parameters.phases[0], shown, chance=True)
    assert says in found


def test_a_stage_that_is_not_there_is_told() -> None:
    parameters = netem.parameters_of(FULL, "l1")
    found = netem.mismatches(parameters, parameters.phases[0], SHOWN[:1], chance=True)
    assert found == ["netem 2: (rate) is not there"]


def test_a_refusal_of_the_queue_is_told_from_a_loss() -> None:
    """The parent counts its child's refusals too: 7 drops at the root of which 3 are the queue's."""
    found = netem.totals([], SHOWN)
    assert found["dropped"] == {"drop_list": 0, "drop_loss": 4, "drop_queue": 3}
    assert (found["packets"], found["forwarded"]) == (17, 10)


def test_totals_begin_at_the_start_of_traffic() -> None:
    assert netem.totals(SHOWN, SHOWN)["packets"] == 0
