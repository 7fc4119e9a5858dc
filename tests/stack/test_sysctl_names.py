"""Sysctls by name: types, and one clear line for what is wrong."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.stack.eras import PROFILES
from netemu.stack.host import make_host
from netemu.stack.sysctl import Sysctl
from netemu.stack.sysctl_names import apply_sysctls, read_sysctls, set_sysctl


def test_values_take_the_field_s_type() -> None:
    sysctl = Sysctl()
    asked = {
        "net.ipv4.tcp_rmem": "4096 100000\t200000",
        "net.ipv4.tcp_sack": "0",
        "net.ipv4.tcp_congestion_control": "reno",
        "net.core.rmem_max": "0x1000",
        "net.ipv4.route.min_pmtu": "600",
        "net.ipv4.tcp_invalid_ratelimit": "0",
        "net.ipv6.conf.all.forwarding": "1",
    }
    apply_sysctls(sysctl, asked, "node 'h1'")
    assert sysctl.tcp_rmem == (4096, 100_000, 200_000)
    assert sysctl.tcp_sack is False
    assert (sysctl.tcp_congestion_control, sysctl.core_rmem_max, sysctl.min_pmtu) == ("reno", 4096, 600)
    assert (sysctl.tcp_invalid_ratelimit_ms, sysctl.ipv6_forwarding) == (0, True)


@pytest.mark.parametrize("name", ["net.ipv4.no_such_thing", "kernel.panic", "net.ipv6.conf.all.accept_ra"])
def test_a_name_that_the_model_has_not(name: str) -> None:
    with pytest.raises(MissingCapability, match=rf"node 'h1': sysctl {name}"):
        set_sysctl(Sysctl(), name, "1", "node 'h1'")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("net.ipv4.tcp_rmem", "4096", r"'4096' must hold 3 integer"),
        ("net.ipv4.tcp_sack", "yes", "'yes' holds something other than integers"),
        ("net.ipv4.tcp_sack", "", "'' must hold 1 integer"),
        ("net.ipv4.tcp_congestion_control", "cubic reno", "is not one word"),
    ],
)
def test_a_value_that_is_none(name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        set_sysctl(Sysctl(), name, text, "node 'h1'")


def test_what_keeps_a_kernel_quiet_is_taken_at_that_value_only() -> None:
    set_sysctl(Sysctl(), "net.ipv4.conf.all.rp_filter", "0", "node 'h1'")
    with pytest.raises(MissingCapability, match="rp_filter"):
        set_sysctl(Sysctl(), "net.ipv4.conf.all.rp_filter", "1", "node 'h1'")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("net.ipv4.tcp_congestion_control", "dctcp", "models have reno, cubic, bbr, bic"),
    ],
)
def test_what_a_model_lacks_is_refused(name: str, text: str, told: str) -> None:
    with pytest.raises(MissingCapability, match=told):
        set_sysctl(Sysctl(), name, text, "node 'h1'")


@pytest.mark.parametrize(
    ("era", "name", "since"),
    [
        ("linux-2.4", "net.ipv4.tcp_mtu_probing", "2.6.17"),
        ("linux-2.6", "net.ipv4.tcp_early_retrans", "3.5"),
        ("linux-3.10", "net.ipv4.tcp_recovery", "4.4"),
        ("linux-5.10", "net.ipv4.tcp_pingpong_thresh", "6.7"),
        ("linux-6", "net.ipv4.tcp_rto_max_ms", "6.15"),
    ],
)
def test_a_sysctl_that_an_era_lacks_is_refused_by_name(era: str, name: str, since: str) -> None:
    with pytest.raises(MissingCapability, match=rf"node 'h1': sysctl {name}: {era} has no such.*Linux {since}"):
        make_host("h1", PROFILES[era], interfaces=[], sysctls={name: "1"})
    make_host("h1", PROFILES["linux-7"], interfaces=[], sysctls={name: "1"})


def test_sysctls_are_read_as_their_files_hold_them() -> None:
    sysctl = Sysctl(tcp_sack=False, tcp_rmem=(1, 2, 3))
    found = read_sysctls(sysctl, PROFILES["linux-7"])
    assert (found["net.ipv4.tcp_sack"], found["net.ipv4.tcp_rmem"]) == ("0", "1 2 3")
    assert found["net.ipv4.tcp_congestion_control"] == "cubic"
    assert found["net.ipv4.route.min_pmtu"] == "552"
    assert "net.ipv4.tcp_mtu_probing" not in read_sysctls(sysctl, PROFILES["linux-2.4"])
    again = Sysctl()
    apply_sysctls(again, found, "node 'h1'", PROFILES["linux-7"])
    assert again == sysctl
