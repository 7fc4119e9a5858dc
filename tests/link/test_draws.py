from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.link.draws import Draws, derive_seed

SEEDS = st.integers(min_value=0, max_value=2**64 - 1)


def test_a_stream_is_splitmix64() -> None:
    """The published first outputs of splitmix64 seeded with 1234567 (Vigna's reference implementation)."""
    draws = Draws(0, "x")
    draws._seed = 1234567
    assert [draws.word(i) for i in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_seeds_stay_what_they_were() -> None:
    assert derive_seed(1, "l1", "a_to_b") == 17406946010447068415
    assert Draws(1, "loss").word(0) == 13906389451818357781


@given(SEEDS, st.integers(min_value=0, max_value=10**9))
def test_a_ratio_is_in_the_unit_interval_and_belongs_to_its_index(seed: int, index: int) -> None:
    draws = Draws(seed, "loss")
    assert 0.0 <= draws.ratio(index) < 1.0
    assert draws.ratio(index) == Draws(seed, "loss").ratio(index)


@given(SEEDS)
def test_names_make_streams_of_their_own(seed: int) -> None:
    assert derive_seed(seed, "ab", "c") != derive_seed(seed, "a", "bc")
    assert Draws(seed, "loss").word(0) != Draws(seed, "corrupt").word(0)


def test_ratios_are_uniform_and_streams_uncorrelated() -> None:
    count = 20_000
    one, other = Draws(5, "loss"), Draws(5, "duplicate")
    mean = sum(one.ratio(i) for i in range(count)) / count
    assert abs(mean - 0.5) < 4 * (1 / 12 / count) ** 0.5
    product = sum((one.ratio(i) - 0.5) * (other.ratio(i) - 0.5) for i in range(count)) / count
    assert abs(product) < 4 / 12 / count**0.5
