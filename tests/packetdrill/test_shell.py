"""Set-up commands: understood or refused, never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packetdrill.hosts import machine_for
from tests.packetdrill.machine import Machine
from tests.packetdrill.settings import Settings
from tests.packetdrill.shell import run_shell
from tests.packetdrill.verdict import NotApplicable


@pytest.fixture
def machine() -> Machine:
    return machine_for("linux-7", Settings())


def test_sysctls_are_set_in_every_spelling(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "common.sh").write_text(
        '#!/bin/bash\n# sizes\nsysctl -q net.ipv4.tcp_rmem="4096 540000 $((15*1024*1024))" > /dev/null 2>&1\n'
    )
    text = "./common.sh\nsysctl -e -q net/ipv4/tcp_sack=0\n../x/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0 \\\n"
    run_shell(text + "  /proc/sys/net/ipv4/tcp_frto=0", machine, tmp_path)
    sysctl = machine.stack.sysctl
    assert sysctl.tcp_rmem == (4096, 540_000, 15 << 20)
    assert (sysctl.tcp_sack, sysctl.tcp_timestamps, sysctl.tcp_frto) == (False, 0, 0)


def test_what_changes_nothing_is_taken(machine: Machine, tmp_path: Path) -> None:
    text = "ip tcp_metrics flush all > /dev/null 2>&1\ntc qdisc add dev tun0 root pfifo\n/tmp/sysctl_restore_${PPID}.sh"
    run_shell(f"{text}\nsysctl -q net.ipv4.tcp_fack=0", machine, tmp_path)
    assert machine.offload


def test_a_device_without_offload_shows_segments(machine: Machine, tmp_path: Path) -> None:
    run_shell("ethtool -K tun0 tso off gso off", machine, tmp_path)
    assert not machine.offload


def test_sleep_lets_time_pass(machine: Machine, tmp_path: Path) -> None:
    before = machine.now_ns
    run_shell("sleep 0.5", machine, tmp_path)
    assert machine.now_ns == before + 500_000_000


@pytest.mark.parametrize(
    "text",
    [
        "tc qdisc replace dev tun0 root fq maxrate 1mbit",
        "tc qdisc add dev tun0 root netem delay 1ms",
        "nft add table x",
        "sysctl -q net.ipv4.unheard_of=1",
        "missing.sh",
        "ip route add 10.0.0.0/8 dev tun0",
        "sysctl net.ipv4.tcp_sack",
        "sysctl -q net.ipv4.tcp_sack=much",
    ],
)
def test_what_is_not_understood_is_refused(text: str, machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(NotApplicable):
        run_shell(text, machine, tmp_path)
