"""Numbers of IP as Python's socket module and the headers have them."""

from __future__ import annotations

import socket

from netemu.stack import ip_h


def test_numbers_are_those_of_the_headers() -> None:
    names = ("IP_PMTUDISC_DONT", "IP_PMTUDISC_WANT", "IP_PMTUDISC_DO", "IP_PMTUDISC_PROBE")
    values = [getattr(ip_h, name) for name in names]
    assert values == [getattr(socket, name, value) for name, value in zip(names, range(4), strict=True)]
    assert (ip_h.IPV4_HEADER, ip_h.IPV6_HEADER, ip_h.IPV6_FRAGMENT_HEADER) == (20, 40, 8)
