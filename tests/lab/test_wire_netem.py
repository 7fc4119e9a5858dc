"""How a run drives its netem wires, against a tc that keeps what it was told; real kernels are in test_wire.py."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netemu.errors import VoidRun
from netemu.lab import wire_netem
from netemu.lab.wire_netem import NetemWires, missing_for_netem
from netemu.specs import FixedLoss, LinkChange, LinkDirection
from tests.lab.plans import pair


class KeepingTc:
    """Takes netem's lines as tc does and shows what the last of each qdisc said, with some statistics."""

    made: list[KeepingTc]
    refuses: str | None = None

    def __init__(self, namespace: object) -> None:
        self.log: list[tuple[int, str]] = []
        self.qdiscs: dict[tuple[str, str], dict[str, Any]] = {}
        self.packets = 0
        self.closed = False
        self.made.append(self)

    def run(self, lines: list[str]) -> None:
        for line in lines:
            self.log.append((time.monotonic_ns(), line))
            words = line.split()
            if words[0] == "qdisc" and "netem" in words:
                options = self._options(words[words.index("netem") + 1 :])
                self.qdiscs[words[3], words[words.index("handle") + 1]] = options

    @staticmethod
    def _options(words: list[str]) -> dict[str, Any]:
        options: dict[str, Any] = {"limit": int(words[1])}
        for at, word in enumerate(words):
            if word == "delay":
                options["delay"] = {"delay": float(words[at + 1].removesuffix("us")) / 1e6, "jitter": 0}
            elif word == "rate":
                options["rate"] = {"rate": int(words[at + 1].removesuffix("bit")) // 8, "packetoverhead": 0}
            elif word == "random":
                options["loss-random"] = {"loss": float(words[at + 1].removesuffix("%")) / 100}
        return options

    def show(self, interface: str) -> list[dict[str, Any]]:
        self.packets += 10
        return [
            {"kind": "netem", "handle": handle, "options": options, "packets": self.packets, "bytes": 0, "drops": 0}
            for (device, handle), options in self.qdiscs.items()
            if device == interface and handle != self.refuses
        ]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def tcs(monkeypatch: pytest.MonkeyPatch) -> list[KeepingTc]:
    KeepingTc.made, KeepingTc.refuses = [], None
    monkeypatch.setattr(wire_netem, "TcSession", KeepingTc)
    return KeepingTc.made


def wires(direction: LinkDirection, directory: Path) -> NetemWires:
    sites: Any = [SimpleNamespace(link=link, namespace=None) for link in pair(direction, LinkDirection()).links]
    return NetemWires(sites, directory)


def soon() -> int:
    return time.monotonic_ns() + 50_000_000


def test_queues_stand_before_frames_are_redirected_into_them(tcs: list[KeepingTc], tmp_path: Path) -> None:
    wires(LinkDirection(rate_bps=8000), tmp_path).kill()
    kinds = ["redirect" if "redirect" in line or "clsact" in line else "queue" for _, line in tcs[0].log]
    assert kinds == ["queue"] * 4 + ["redirect"] * 4
    assert tcs[0].closed


def test_another_setting_than_asked_stops_the_run_and_ends_tc(tcs: list[KeepingTc], tmp_path: Path) -> None:
    KeepingTc.refuses = "2:"
    with pytest.raises(VoidRun, match=r"link l1 a_to_b: netem 2: \(rate\) is not there"):
        wires(LinkDirection(rate_bps=8000), tmp_path)
    assert tcs[0].closed


def test_loss_is_off_until_go_and_on_before_traffic(tcs: list[KeepingTc], tmp_path: Path) -> None:
    running = wires(LinkDirection(loss=FixedLoss(0.25)), tmp_path)
    assert not any("loss" in line for _, line in tcs[0].log)
    t0_ns = soon()
    running.go(t0_ns)
    ((at_ns, line),) = [(at, line) for at, line in tcs[0].log if "loss" in line]
    assert line == "qdisc change dev b root handle 1: netem limit 1000000 loss random 25%"
    assert at_ns < t0_ns
    assert running.stop()[1] == []


def test_loss_that_came_too_late_makes_the_run_void(tcs: list[KeepingTc], tmp_path: Path) -> None:
    running = wires(LinkDirection(loss=FixedLoss(0.25)), tmp_path)
    running.go(time.monotonic_ns() - 5_000_000)
    _, voids = running.stop()
    assert len(voids) == 1
    assert "netem: loss was switched on 5." in voids[0]


def test_the_schedule_is_carried_out_on_time_and_checked(tcs: list[KeepingTc], tmp_path: Path) -> None:
    changes = (LinkChange(30_000_000, delay_ns=2_000_000), LinkChange(60_000_000, delay_ns=3_000_000))
    running = wires(LinkDirection(delay_ns=1_000_000, schedule=changes), tmp_path)
    t0_ns = soon()
    running.go(t0_ns)
    time.sleep(0.2)
    summaries, voids = running.stop()
    changed = [(at_ns - t0_ns, line.split()[-1]) for at_ns, line in tcs[0].log if "qdisc change" in line]
    assert [delay for _, delay in changed] == ["2000.000us", "3000.000us"]
    assert all(0 <= at_ns - due < 50_000_000 for (at_ns, _), due in zip(changed, (30_000_000, 60_000_000), strict=True))
    assert voids == []
    assert 0 < summaries["l1"]["changes_late_ns"] < 50_000_000


def test_a_run_that_ends_before_its_schedule_does_not_wait(tcs: list[KeepingTc], tmp_path: Path) -> None:
    running = wires(LinkDirection(schedule=(LinkChange(3600 * 10**9, delay_ns=1),)), tmp_path)
    running.go(soon())
    began = time.monotonic()
    assert running.stop()[1] == []
    assert time.monotonic() - began < 5


def test_totals_are_since_go_and_the_account_s_file_says_netem(tcs: list[KeepingTc], tmp_path: Path) -> None:
    running = wires(LinkDirection(), tmp_path)
    running.go(soon())
    before = tcs[0].packets
    summaries, _ = running.stop()
    assert summaries["l1"]["backend"] == "netem"
    assert 0 < summaries["l1"]["directions"]["a_to_b"]["packets"] <= tcs[0].packets - before + 10
    assert json.loads((tmp_path / "l1.jsonl").read_text())["backend"] == "netem"
    assert tcs[0].closed


@pytest.mark.lab
def test_a_kernel_without_netem_is_known_by_tc_s_words() -> None:
    """On a kernel with netem there is nothing to say; elsewhere tc's own reason."""
    lacking = missing_for_netem()
    assert lacking is None or "qdisc" in lacking
