"""Options of scripts."""

from __future__ import annotations

import pytest

from tests.packetdrill.settings import Settings, settings
from tests.packetdrill.verdict import NotApplicable


def test_options_change_what_they_name() -> None:
    found = settings((("tolerance_usecs", "9"), ("mtu", "1400"), ("remote_ip", "192.0.2.7/24")), Settings())
    assert (found.tolerance_ns, found.mtu, found.remote_address) == (9000, 1400, "192.0.2.7")


def test_the_version_that_a_script_names_wins() -> None:
    found = settings((("ip_version", "ipv6"),), Settings("ipv4"))
    assert found.ipv6
    assert ":" in found.local_address
    assert found.mtu == 1520


def test_mapped_addresses_are_those_of_sockets_alone() -> None:
    found = Settings("ipv4-mapped-ipv6")
    assert found.for_socket(found.local_address) == "::ffff:192.168.0.1"
    assert found.family_ipv6 and not found.ipv6


def test_an_unknown_option_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="--wire_client"):
        settings((("wire_client", ""),), Settings())
