"""What a packet is charged; the figures were read from SO_MEMINFO of a guest, 7.2 and 6.12 alike."""

from __future__ import annotations

import pytest

from netemu.stack import skb_alloc


@pytest.mark.parametrize(
    ("packet_bytes", "truesize"),
    [(52 + 10, 960), (52 + 200, 960), (52 + 700, 2304), (52 + 1448, 2304)],
)
def test_received_packets_cost_what_a_guest_charges(packet_bytes: int, truesize: int) -> None:
    assert skb_alloc.received(packet_bytes)[0] == truesize


def test_thirty_one_writes_of_ten_bytes_fit_into_the_first_buffer() -> None:
    assert skb_alloc.received(52 + 10)[1] // 10 == 30


def test_two_segments_of_700_bytes_share_a_buffer_and_two_of_200_do_not() -> None:
    assert skb_alloc.received(52 + 700)[1] >= 700
    assert skb_alloc.received(52 + 200)[1] < 200
    assert skb_alloc.received(52 + 1448)[1] < 1448


def test_a_frame_longer_than_a_page_is_charged_for_pages_and_sits_in_one_buffer() -> None:
    assert skb_alloc.received(9000) == (960 + 3 * 4096, 16_064 - 16 - 9000)
    assert skb_alloc.received(4300) == (960 + 2 * 4096, 7872 - 16 - 4300)


@pytest.mark.parametrize(("packet_bytes", "truesize"), [(100, 960), (1500, 2304), (4300, 8448), (9000, 16_640)])
def test_condensing_charges_the_whole_buffer(packet_bytes: int, truesize: int) -> None:
    assert skb_alloc.received_condensed(packet_bytes, skb_alloc.received(packet_bytes)[1]) == truesize


def test_allocations_are_rounded_to_slabs() -> None:
    assert [skb_alloc.kmalloc_size(n) for n in (1, 65, 96, 97, 129, 193, 2048, 2049)] == [
        8, 96, 96, 128, 192, 256, 2048, 4096,
    ]  # fmt: skip
    assert skb_alloc.skb_truesize(384) == 960
    assert skb_alloc.skb_truesize(385) == 1024 + 256


def test_before_6_3_the_heads_of_small_packets_came_from_kmalloc() -> None:
    assert [skb_alloc.received(52 + size, False)[0] for size in (0, 10, 200, 1448)] == [768, 768, 1280, 2304]
    assert skb_alloc.sent(0, False) == (1280, 704 - 320)
    assert skb_alloc.sent(1448, False)[0] == 1280 + 1448


def test_a_senders_own_segment_is_charged_its_head_and_leaves_room_behind() -> None:
    """Measured on 7.2 where netem carried it: 2408, 1460 and 2000; every second full segment is charged nothing."""
    assert [skb_alloc.sent(size)[0] for size in (1448, 500, 1040)] == [2408, 1460, 2000]
    assert 1448 <= skb_alloc.sent(1448)[1] < 2 * 1448
    assert 500 <= skb_alloc.sent(500)[1] < 2 * 500
    assert skb_alloc.sent(0) == (960, 64)
    assert skb_alloc.sent(50) == (1010, 14)


def test_a_segment_that_waits_behind_a_gap_is_charged_its_whole_buffer() -> None:
    """skb_condense(): 4352 bytes measured for a full segment of a sender's own."""
    assert skb_alloc.condensed(1448, skb_alloc.sent(1448)[1]) == 4352


@pytest.mark.parametrize(
    ("packet_bytes", "truesize", "tailroom"),
    [
        (40, 960, 280),
        (1040, 2304, 624),
        (1500, 2304, 164),
        (4031, 8448, 3777),
        (4032, 4352 + 4096, 0),
        (20_040, 4352 + 16_384, 0),
    ],
)
def test_what_a_process_wrote_to_a_tun_device(packet_bytes: int, truesize: int, tailroom: int) -> None:
    """Reckoned by drivers/net/tun.c of 7.2; up to a page in one buffer, which kmalloc rounds up."""
    assert skb_alloc.tun_received(packet_bytes) == (truesize, tailroom)
    assert skb_alloc.tun_received(40, small_heads=False) == (512 + 256, 192 - 104)
