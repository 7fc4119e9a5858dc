"""Counters by the kernel's names."""

from __future__ import annotations

import pytest

from netemu.agents.counters import read_counters
from netemu.stack.snmp import Mib


def test_names_inside_and_as_nstat_prints_them() -> None:
    mib = Mib()
    for name in ("RetransSegs", "TCPLossProbes", "IpInReceives", "UdpInErrors", "Ip6OutRequests"):
        mib.inc(name)
    mib.inc("IpExtInOctets", 40)
    shown = {name: value for name, value in mib.by_name().items() if value}
    assert shown == {
        "TcpRetransSegs": 1,
        "TcpExtTCPLossProbes": 1,
        "IpInReceives": 1,
        "UdpInErrors": 1,
        "Ip6OutRequests": 1,
        "IpExtInOctets": 40,
    }
    assert mib["RetransSegs"] == 1


def test_a_name_that_the_kernel_has_not() -> None:
    with pytest.raises(KeyError):
        Mib().inc("TCPNoSuchCounter")


def test_this_machine_s_kernel_knows_most_of_them() -> None:
    real = read_counters()
    ours = [name for name in Mib().by_name() if name.startswith(("Tcp", "Udp", "Ip", "Icmp"))]
    unknown = [name for name in ours if name not in real]
    assert len(unknown) < 15, unknown
