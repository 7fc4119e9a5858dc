from __future__ import annotations

import math

import pytest

from netemu.link.loss import LossModel
from netemu.link.parameters import LossParameters

COUNT = 50_000


def fates(parameters: LossParameters, seed: int = 7) -> list[bool]:
    model = LossModel(seed)
    return [model.loses(parameters, index) for index in range(COUNT)]


@pytest.mark.parametrize("ratio", [0.001, 0.01, 0.3])
def test_fixed_loss_is_within_binomial_error(ratio: float) -> None:
    lost = sum(fates(LossParameters(0.0, 0.0, 1.0, ratio)))
    assert abs(lost - COUNT * ratio) < 4 * math.sqrt(COUNT * ratio * (1 - ratio))


def test_zero_and_one_are_certain() -> None:
    assert not any(fates(LossParameters(0.0, 0.0, 1.0, 0.0)))
    assert all(fates(LossParameters(0.0, 0.0, 1.0, 1.0)))


def test_bursts_have_the_chain_s_share_and_length() -> None:
    p, r = 0.02, 0.25
    lost = fates(LossParameters(p, r, 1.0, 0.0))
    share = p / (p + r)
    sigma = math.sqrt(share * (1 - share) * (2 - p - r) / (p + r) / COUNT)
    assert abs(sum(lost) / COUNT - share) < 4 * sigma
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    assert sum(lost) / bursts == pytest.approx(1 / r, rel=0.1)


def test_the_state_a_packet_finds_decides() -> None:
    """With p = r = 1 the chain alternates, beginning in the good state: netem steps after it decided."""
    assert fates(LossParameters(1.0, 1.0, 1.0, 0.0))[:6] == [False, True, False, True, False, True]


def test_the_fate_belongs_to_the_number() -> None:
    parameters = LossParameters(0.0, 0.0, 1.0, 0.1)
    every = fates(parameters)
    sparse = LossModel(7)
    assert [sparse.loses(parameters, index) for index in range(0, COUNT, 3)] == every[::3]
