"""TCP options as bytes: Linux's order and padding, and any bytes are read without an exception."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import NO_OPTIONS, Options
from netemu.packet.tcp_options import options_bytes, options_from, options_to

U32 = st.integers(0, 2**32 - 1)
OPTIONS = st.builds(
    Options,
    mss=st.none() | st.integers(0, 65535),
    window_scale=st.none() | st.integers(0, 255),
    sack_permitted=st.booleans(),
    ts_val=st.none(),
    sack=st.lists(st.tuples(U32, U32), max_size=2).map(tuple),
) | st.builds(
    Options,
    ts_val=U32,
    ts_ecr=U32,
    sack=st.lists(st.tuples(U32, U32), max_size=3).map(tuple),
    sack_permitted=st.just(False),
)


def test_a_syn_is_laid_out_as_linux_does() -> None:
    options = Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=0x01020304, ts_ecr=0)
    assert options_to(options).hex() == "020405b4" + "0402080a0102030400000000" + "01030307"


def test_a_data_segment_has_two_nops_and_timestamps_and_then_its_sack_blocks() -> None:
    options = Options(ts_val=1, ts_ecr=2, sack=((3, 4),))
    assert options_to(options).hex() == "0101080a0000000100000002" + "0101050a0000000300000004"


def test_a_syn_without_timestamps_pads_sack_permitted() -> None:
    assert options_to(Options(mss=1460, sack_permitted=True)).hex() == "020405b4" + "01010402"


@given(OPTIONS)
def test_what_is_written_is_read_back(options: Options) -> None:
    data = options_to(options)
    assert len(data) % 4 == 0 and options_bytes(options) == len(data) <= 40
    assert options_from(data) == options


@pytest.mark.parametrize("fields", range(4))
@pytest.mark.parametrize("kind", [172, 174])
@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(ts_val=1, ts_ecr=2),
        Options(sack=((3, 4),)),
        Options(ts_val=1, ts_ecr=2, sack=((3, 4),)),
        Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=1, ts_ecr=0),
        Options(mss=1460, window_scale=7, sack_permitted=True),
        Options(mss=1460, window_scale=7),
    ],
)
def test_counters_of_accurate_ecn_are_read_back(options: Options, kind: int, fields: int) -> None:
    whole = msgspec.structs.replace(options, accecn=(kind, bytes(range(1, 1 + 3 * fields))))
    data = options_to(whole)
    assert len(data) % 4 == 0 and options_bytes(whole) == len(data) <= 40
    assert options_from(data) == whole


def test_their_last_bytes_take_the_place_of_nops() -> None:
    counters = (174, bytes(range(1, 7)))
    assert options_to(Options(accecn=counters)).hex() == "ae08010203040506"
    sack = Options(accecn=(174, b"123"), sack=((3, 4),))
    assert options_to(sack).hex() == "ae05313233010" + "50a0000000300000004"
    scale = Options(accecn=(174, b"123"), window_scale=7, mss=9)
    assert options_to(scale).hex() == "02040009" + "ae053132" + "33030307"


@given(st.binary(max_size=40))
def test_any_bytes_are_read(data: bytes) -> None:
    assert isinstance(options_from(data), Options)


@pytest.mark.parametrize("broken", ["02", "0200", "0201", "020805b4", "080a00"])
def test_a_broken_option_ends_the_list(broken: str) -> None:
    found = options_from(bytes.fromhex("030307" + broken))
    assert found == Options(window_scale=7)


def test_an_option_of_a_wrong_length_is_kept_but_not_believed() -> None:
    assert options_from(bytes.fromhex("0203ff00")) == Options(other=((2, b"\xff"),))
    assert options_from(b"") is NO_OPTIONS


def test_options_that_fit_no_header_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        options_to(Options(ts_val=1, ts_ecr=1, sack=((1, 2),) * 4))
