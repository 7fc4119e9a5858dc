"""What is random in a run does not show in what is compared; what is not, does."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netemu.fidelity.captured import Captured, read_capture
from netemu.fidelity.relative import ABSENT, relative_streams
from netemu.packet.tcp import ACK, RST, SYN
from tests.fidelity.segments import MS, Capture, handshake, transfer

WORD = st.integers(0, 2**32 - 1)


@given(st.tuples(WORD, WORD), st.tuples(WORD, WORD), st.integers(32768, 60999))
def test_ports_first_numbers_and_clocks_do_not_matter(isn: tuple[int, int], ticks: tuple[int, int], port: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        one = read_capture(transfer(Capture()).write(Path(place) / "a"))
        # An echo of 0 means that there is none: the option tells those two apart, whatever the clocks are.
        ticks = (ticks[0] or 1, ticks[1] or 1)
        two = read_capture(transfer(Capture(isn=isn, ticks=(500, 900), port=port)).write(Path(place) / "b"))
        assert relative_streams(one) == relative_streams(two)
        three = read_capture(
            transfer(Capture(ticks=(ticks[0] % 2**31 + 1, ticks[1] % 2**31 + 1))).write(Path(place) / "c")
        )
        assert relative_streams(one) == relative_streams(three)


def test_a_connection_is_named_by_its_server_and_number(tmp_path: Path) -> None:
    capture = Capture()
    handshake(capture)
    again = Capture(isn=(70_000, 80_000))
    handshake(again)
    packets = read_capture(capture.write(tmp_path / "a")) + read_capture(again.write(tmp_path / "b"))
    assert set(relative_streams(packets)) == {
        (f"10.0.0.2:5001#{number}", out) for number in (1, 2) for out in (True, False)
    }


def test_numbers_count_from_each_sides_first(tmp_path: Path) -> None:
    packets = read_capture(transfer(Capture()).write(tmp_path / "a"))
    streams = relative_streams(packets)
    sent, got = streams["10.0.0.2:5001#1", True], streams["10.0.0.2:5001#1", False]
    assert [(one.seq, one.ack, one.payload) for one in sent[:4]] == [
        (0, 0, 0),
        (1, 1, 0),
        (1, 1, 1000),
        (1001, 1, 1000),
    ]
    assert [(one.seq, one.ack) for one in got[:2]] == [(0, 1), (1, 1001)]
    assert sent[2].ts_val == 50
    assert (got[1].ts_val, got[1].ts_ecr) == (50, 50)


def test_a_lost_syn_still_gives_a_base_to_its_numbers() -> None:
    """The server's capture of a connection whose SYN-ACK it never saw."""
    first = _segment(seq=4000, ack=9000, flags=ACK)
    ((stream, (packet,)),) = relative_streams([first]).items()
    assert stream == ("10.0.0.2:5001#1", True)
    assert (packet.seq, packet.ack) == (0, 1)


def test_a_reset_out_of_nothing_keeps_its_zero() -> None:
    syn = _segment(seq=4000, ack=0, flags=SYN)
    reset = Captured(2, 0, False, "10.0.0.2", "10.0.0.1", 6, 40, 0, True, (0, False), 5001, 40000, 0, 0, RST)
    streams = relative_streams([syn, reset])
    assert streams["10.0.0.2:5001#1", False][0].seq == ABSENT


def test_sack_blocks_count_from_the_first_number_of_what_they_speak_of() -> None:
    block = (1001).to_bytes(4, "big") + (2001).to_bytes(4, "big")
    packets = [
        _segment(seq=1000, ack=0, flags=SYN),
        Captured(
            2,
            MS,
            False,
            "10.0.0.2",
            "10.0.0.1",
            6,
            52,
            0,
            True,
            (0, False),
            5001,
            40000,
            7,
            1001,
            ACK,
            9,
            0,
            ((5, block),),
        ),
    ]
    packet = relative_streams(packets)["10.0.0.2:5001#1", False][0]
    assert packet.options == ((5, 1, 1001),)
    assert packet.identity == (0, 0, 0, 1)


def _segment(seq: int, ack: int, flags: int) -> Captured:
    ends = ("10.0.0.1", "10.0.0.2")
    return Captured(1, 0, True, *ends, 6, 40, 0, True, (0, False), 40000, 5001, seq, ack, flags)
