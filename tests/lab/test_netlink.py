"""The attribute codec, and that a refused request is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import MissingCapability
from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.netlink import (
    attribute,
    attribute_nested,
    attribute_text,
    attribute_u8,
    attribute_u32,
    error_text,
    parse_attributes,
    split_messages,
)


@given(st.dictionaries(st.integers(1, 100), st.binary(max_size=40), max_size=8))
def test_attributes_come_back_as_they_were(values: dict[int, bytes]) -> None:
    data = b"".join(attribute(kind, payload) for kind, payload in values.items())
    assert len(data) % 4 == 0
    assert parse_attributes(data) == values


def test_nested_attributes_are_found_by_their_bare_type() -> None:
    data = attribute_nested(18, attribute_text(1, "veth"), attribute_u8(5, 0), attribute_u32(40, 1))
    inner = parse_attributes(parse_attributes(data)[18])
    assert inner == {1: b"veth\0", 5: b"\0", 40: (1).to_bytes(4, "little")}


def test_an_attribute_longer_than_the_message_is_refused() -> None:
    with pytest.raises(ValueError, match="netlink attribute of 200 bytes"):
        parse_attributes(b"\xc8\0\1\0abcd")


def test_a_message_longer_than_the_datagram_is_refused() -> None:
    with pytest.raises(ValueError, match="netlink message of 64 bytes"):
        list(split_messages(b"\x40" + bytes(19)))


def test_the_kernels_own_words_are_part_of_an_error() -> None:
    words = attribute_text(1, "Device is not up")
    body = (-100).to_bytes(4, "little", signed=True) + bytes(16) + words
    assert error_text(100, 0x300, body) == "Device is not up (Network is down)"
    assert error_text(100, 0, body[:20]) == "Network is down"


@pytest.mark.lab
def test_the_first_refused_request_of_a_batch_is_named_and_later_ones_are_still_carried_out() -> None:
    with Namespace("n") as namespace:
        requests = [
            rtnetlink.new_address("10.0.0.1/24", 77, "h1: address 10.0.0.1/24"),
            rtnetlink.set_up(rtnetlink.LOOPBACK_INDEX, "lo up"),
        ]
        with pytest.raises(
            MissingCapability, match=r"h1: address 10\.0\.0\.1/24: the kernel refuses it: .*No such dev"
        ):
            namespace.netlink.execute(requests)
        assert rtnetlink.links(namespace.netlink, "n")["lo"].up


@pytest.mark.lab
def test_many_requests_are_more_than_one_datagram() -> None:
    with Namespace("n") as namespace:
        namespace.netlink.execute([rtnetlink.new_bridge("br0", 7, "0e:00:00:00:00:01", "br0")])
        wanted = [f"10.{number >> 8}.{number & 255}.1/32" for number in range(2000)]
        namespace.netlink.execute([rtnetlink.new_address(address, 7, address) for address in wanted])
        assert set(rtnetlink.addresses(namespace.netlink, "n")[7]) == set(wanted)
