"""How a run drives its netem wires, against a kernel that keeps what it was told; real kernels are in test_wire.py."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from netemu.errors import VoidRun
from netemu.kernels.store import Entry
from netemu.kernels.uml import UmlKernel
from netemu.lab import wire_netem
from netemu.lab.netem import Stage
from netemu.lab.wire_netem import NetemWires, missing_for_netem
from netemu.recording.layout import Recording
from netemu.specs import (
    AgentSpec,
    FixedLoss,
    LinkChange,
    LinkDirection,
    LinkSpec,
    NodeSpec,
    ProbeSpec,
    Queue,
)
from tests.kernels.machines import virtual_kernels
from tests.lab.plans import endpoint, pair, plan_of


class KeepingKernel:
    """Takes requests as the kernel's netlink does and shows what the last of each qdisc said, with some statistics."""

    refuses: str | None = None

    def __init__(self) -> None:
        self.log: list[tuple[int, tuple[Any, ...]]] = []
        self.qdiscs: dict[tuple[int, str], dict[str, Any]] = {}
        self.packets = 0

    def execute(self, requests: list[tuple[Any, ...]]) -> None:
        for request in requests:
            self.log.append((time.monotonic_ns(), request))
            if request[0] in ("add", "change"):
                _, index, stage = request
                self.qdiscs[index, stage.handle] = dict(stage.options)

    def show(self, index: int) -> list[dict[str, Any]]:
        self.packets += 10
        return [
            {"kind": "netem", "handle": handle, "options": options, "packets": self.packets, "bytes": 0, "drops": 0}
            for (at, handle), options in self.qdiscs.items()
            if at == index and handle != self.refuses
        ]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> KeepingKernel:
    def request(stage: Stage, index: int, place: str, *, change: bool) -> tuple[Any, ...]:
        return ("change" if change else "add", index, stage)

    kept = KeepingKernel()
    monkeypatch.setattr(wire_netem, "netem_request", request)
    monkeypatch.setattr(wire_netem, "redirect_requests", lambda ingress, egress, place: [("redirect", ingress, egress)])
    monkeypatch.setattr(wire_netem, "read_qdiscs", lambda netlink, index, place: netlink.show(index))
    return kept


def wires(kernel: KeepingKernel, direction: LinkDirection, directory: Path) -> NetemWires:
    namespace = SimpleNamespace(netlink=kernel)
    sites: Any = [SimpleNamespace(link=link, namespace=namespace) for link in pair(direction, LinkDirection()).links]
    return NetemWires(sites, directory)


def soon() -> int:
    return time.monotonic_ns() + 50_000_000


def test_queues_stand_before_frames_are_redirected_into_them(kernel: KeepingKernel, tmp_path: Path) -> None:
    wires(kernel, LinkDirection(rate_bps=8000), tmp_path).kill()
    assert [request[:2] for _, request in kernel.log] == [("add", 3)] * 2 + [
        ("add", 2),
        ("redirect", 2),
        ("redirect", 3),
    ]


def test_another_setting_than_asked_stops_the_run(kernel: KeepingKernel, tmp_path: Path) -> None:
    kernel.refuses = "2:"
    with pytest.raises(VoidRun, match=r"link l1 a_to_b: netem 2: \(rate\) is not there"):
        wires(kernel, LinkDirection(rate_bps=8000), tmp_path)


def test_loss_is_off_until_go_and_on_before_traffic(kernel: KeepingKernel, tmp_path: Path) -> None:
    running = wires(kernel, LinkDirection(loss=FixedLoss(0.25)), tmp_path)
    assert not any("loss" in options for options in kernel.qdiscs.values())
    t0_ns = soon()
    running.go(t0_ns)
    ((at_ns, (_, index, stage)),) = [(at, request) for at, request in kernel.log if request[0] == "change"]
    assert (index, stage.handle, stage.options) == (3, "1:", {"limit": 1_000_000, "loss": 0.25})
    assert at_ns < t0_ns
    assert running.stop()[1] == []


def test_loss_that_came_too_late_makes_the_run_void(kernel: KeepingKernel, tmp_path: Path) -> None:
    running = wires(kernel, LinkDirection(loss=FixedLoss(0.25)), tmp_path)
    running.go(time.monotonic_ns() - 5_000_000)
    _, voids = running.stop()
    assert len(voids) == 1
    assert "netem: loss was switched on 5." in voids[0]


def test_the_schedule_is_carried_out_on_time_and_checked(kernel: KeepingKernel, tmp_path: Path) -> None:
    changes = (LinkChange(30_000_000, delay_ns=2_000_000), LinkChange(60_000_000, delay_ns=3_000_000))
    running = wires(kernel, LinkDirection(delay_ns=1_000_000, schedule=changes), tmp_path)
    t0_ns = soon()
    running.go(t0_ns)
    time.sleep(0.2)
    summaries, voids = running.stop()
    changed = [(at_ns - t0_ns, made[2].options["delay_ns"]) for at_ns, made in kernel.log if made[0] == "change"]
    assert [delay_ns for _, delay_ns in changed] == [2_000_000, 3_000_000]
    assert all(0 <= at_ns - due < 50_000_000 for (at_ns, _), due in zip(changed, (30_000_000, 60_000_000), strict=True))
    assert voids == []
    assert 0 < summaries["l1"]["changes_late_ns"] < 50_000_000


def test_a_run_that_ends_before_its_schedule_does_not_wait(kernel: KeepingKernel, tmp_path: Path) -> None:
    running = wires(kernel, LinkDirection(schedule=(LinkChange(3600 * 10**9, delay_ns=1),)), tmp_path)
    running.go(soon())
    began = time.monotonic()
    assert running.stop()[1] == []
    assert time.monotonic() - began < 5


def test_totals_are_since_go_and_the_account_s_file_says_netem(kernel: KeepingKernel, tmp_path: Path) -> None:
    running = wires(kernel, LinkDirection(), tmp_path)
    running.go(soon())
    before = kernel.packets
    summaries, _ = running.stop()
    assert summaries["l1"]["backend"] == "netem"
    assert 0 < summaries["l1"]["directions"]["a_to_b"]["packets"] <= kernel.packets - before + 10
    assert json.loads((tmp_path / "l1.jsonl").read_text())["backend"] == "netem"


@pytest.mark.lab
def test_a_kernel_without_netem_is_known_by_its_words() -> None:
    """On a kernel with netem there is nothing to say; elsewhere the kernel's own reason."""
    lacking = missing_for_netem()
    assert lacking is None or "qdisc" in lacking


@pytest.mark.parametrize("entry", virtual_kernels(), ids=lambda entry: entry.name)
def test_the_queue_holds_as_many_whatever_the_delay(entry: Entry, tmp_path: Path) -> None:
    """400 packets at 1.5 times the rate: all but those that a queue of 50 cannot hold get through."""
    nodes: list[NodeSpec] = []
    links: list[LinkSpec] = []
    agents: list[AgentSpec] = []
    for number, delay_ns in enumerate((0, 1_000_000, 100_000_000)):
        ends = [
            endpoint(f"{side}{number}", 0, 10 * number + k, f"10.0.{number}.{k}/24", None)
            for k, side in ((1, "s"), (2, "r"))
        ]
        line = LinkDirection(rate_bps=20_000_000, delay_ns=delay_ns, queue=Queue(packets=50))
        nodes += [NodeSpec(end.node, "host") for end in ends]
        links.append(LinkSpec(f"l{number}", ends[0], ends[1], line, line))
        args = {"address": f"10.0.{number}.2", "port": 9, "size_bytes": 1472, "interval_ns": 400_000, "count": 400}
        agents += [
            AgentSpec(f"to{number}", f"r{number}", "udp_sink", {"port": 9}, 0, 10**9),
            AgentSpec(f"from{number}", f"s{number}", "udp_send", args, 0, 10**9),
        ]
    plan = plan_of(tuple(nodes), tuple(links), probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False))
    plan = msgspec.structs.replace(plan, agents=tuple(agents), duration_ns=10**9)
    UmlKernel(f"uml:{entry.name}?time=virtual").execute(plan, Recording(tmp_path), lambda text: None)
    wires = json.loads((tmp_path / "execution.json").read_text())["wires"]
    dropped = [wires[link.name]["directions"]["a_to_b"]["dropped"] for link in links]
    # 400 intervals of 400 us, 605.6 us on the line: 264 leave meanwhile, and 49 or 50 are left in the queue.
    assert dropped == [{"drop_list": 0, "drop_loss": 0, "drop_queue": 87}] * 3
