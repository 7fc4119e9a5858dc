"""The kernel ``vm``: its names, the rates that an emulated guest may be asked for, and a real one from end to end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import kernel_named, vm
from netemu.kernels.vm import TCG_RATE_BPS, VmKernel, VmOptions, fastest_bps, parse_name, refuse_rates
from netemu.kernels.vm_boot import ICOUNT
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, CaptureSpec, LinkChange, LinkDirection, Plan, ProbeSpec
from tests.kernels.vm_images import NO_IMAGE, put_image, real_image
from tests.lab import plans

PIPED = LinkDirection(rate_bps=10_000_000, delay_ns=10_000_000)


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_a_name_is_a_version_or_a_path_and_options() -> None:
    assert parse_name("vm:6.1") == VmOptions("6.1", "auto", 1 << 30, 1, 300 * 10**9)
    name = "vm:/boot/vmlinuz-6.1.0-50-amd64?memory=512M&accel=tcg&cpus=2&standstill=60s"
    assert parse_name(name) == VmOptions("/boot/vmlinuz-6.1.0-50-amd64", "tcg", 512 << 20, 2, 60 * 10**9)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vm", "write vm:VERSION or vm:PATH"),
        ("vm:latest", "neither a kernel version nor a path"),
        ("vm:6.1?accel=hvf", "'auto', 'kvm' or 'tcg'"),
        ("vm:6.1?cpus=0", "from 1 to 8"),
        ("vm:6.1?cpus=many", "from 1 to 8"),
        ("vm:6.1?memory=64M", "at least 128M"),
        ("vm:6.1?time=virtual", "the options are memory=1G, accel=auto|kvm|tcg, cpus=1, standstill=300s"),
    ],
)
def test_a_wrong_name_is_refused_with_what_is_right(name: str, why: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_name(name)
    assert why in str(error.value)


def test_the_family_is_found_by_its_entry_point() -> None:
    kernel = kernel_named("vm:6.1")
    assert isinstance(kernel, VmKernel)
    assert not kernel.parallel


def test_the_fastest_rate_counts_what_is_scheduled() -> None:
    assert fastest_bps(LinkDirection()) is None
    assert fastest_bps(PIPED) == 10_000_000
    assert fastest_bps(msgspec.structs.replace(PIPED, schedule=(LinkChange(1, rate_bps=30_000_000),))) == 30_000_000
    assert fastest_bps(msgspec.structs.replace(PIPED, schedule=(LinkChange(1, delay_ns=1),))) == 10_000_000


def test_what_emulation_can_carry_is_not_refused() -> None:
    refuse_rates(plans.pair(LinkDirection(rate_bps=TCG_RATE_BPS)), TCG_RATE_BPS, "vm:6.1")


@pytest.mark.parametrize(
    ("direction", "has"),
    [
        (LinkDirection(rate_bps=TCG_RATE_BPS + 1), "a rate of"),
        (LinkDirection(rate_bps=100_000_000), "a rate of 100Mbit/s"),
        (LinkDirection(), "no rate"),
        (LinkDirection(rate_bps=1000, schedule=(LinkChange(1, rate_bps=100_000_000),)), "a rate of 100Mbit/s"),
    ],
)
def test_a_rate_that_emulation_cannot_carry_is_refused_with_the_limit(direction: LinkDirection, has: str) -> None:
    with pytest.raises(MissingCapability) as error:
        refuse_rates(plans.pair(direction), TCG_RATE_BPS, "vm:6.1")
    assert has in str(error.value)
    assert "at most 10Mbit/s: lower it (such as --set rate=10Mbit/s" in str(error.value)


def test_an_image_that_is_not_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    with pytest.raises(MissingCapability, match=r"netemu kernels get vm:6\.1"):
        VmKernel("vm:6.1").execute(plans.pair(PIPED), Recording(tmp_path / "run"), quiet)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_file_that_is_no_kernel_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(BadInput, match="no bootable Linux kernel"):
        VmKernel("vm:/bin/sh").execute(plans.pair(PIPED), Recording(tmp_path / "run"), quiet)
    assert list((tmp_path / "run").iterdir()) == []


def test_rates_are_refused_before_anything_boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netemu.kernels.store import Store

    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path / "cache"))
    put_image(Store(tmp_path / "cache/kernels"))
    monkeypatch.setattr(vm, "require_programs", lambda: None)
    (tmp_path / "run").mkdir()
    with pytest.raises(MissingCapability, match="no rate"):
        VmKernel("vm:9.9?accel=tcg").execute(plans.pair(), Recording(tmp_path / "run"), quiet)
    assert list((tmp_path / "run").iterdir()) == []


def transfer_plan() -> Plan:
    """50 kB from h1 to h2 through a link of 10 Mbit/s and 2 x 10 ms, captured at both ends."""
    server = AgentSpec("t.server", "h2", "sink", {"port": 5001}, 0, 20_000_000_000)
    client = AgentSpec(
        "t.client", "h1", "bulk_send", {"address": "10.0.0.2", "port": 5001, "bytes": 50_000}, 0, 20_000_000_000
    )
    return msgspec.structs.replace(
        plans.pair(PIPED),
        agents=(server, client),
        captures=(CaptureSpec("h1", "h1-eth0"), CaptureSpec("h2", "h2-eth0")),
        probes=ProbeSpec(interval_ns=20_000_000),
    )


def test_a_stock_kernel_runs_a_plan_whatever_this_machine_does(tmp_path: Path) -> None:
    image = real_image()
    if image is None:
        pytest.skip(NO_IMAGE)
    said: list[str] = []
    VmKernel(f"vm:{image.name}?accel=tcg&memory=512M").execute(transfer_plan(), Recording(tmp_path), said.append)
    account = json.loads((tmp_path / "execution.json").read_text())
    assert (account["void"], account["degraded"]) == ([], [])
    assert account["members"]["t.server"]["received_bytes"] == 50_000
    guest = account["guest"]
    assert (guest["accel"], guest["accel_reason"], guest["icount"]) == ("tcg", "asked for", ICOUNT)
    assert (guest["release"], guest["sha256"], guest["memory_bytes"]) == (image.release, image.sha256, 512 << 20)
    assert "console=ttyS0" in guest["command_line"]
    assert account["kernel"]["release"] == image.release
    owners = {path.stat().st_uid for path in tmp_path.rglob("*")}
    assert owners == {os.geteuid()}
    assert "probing 1 links" in said
