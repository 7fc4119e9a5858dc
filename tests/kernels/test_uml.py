"""The kernel ``uml``: its names, and whole plans executed in guests, byte for byte the same in virtual time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability, VoidRun
from netemu.kernels import kernel_named
from netemu.kernels.store import Entry
from netemu.kernels.uml import UmlKernel, UmlOptions, options_for, parse_name, random_seed, split_nodes
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, CaptureSpec, FixedLoss, LinkDirection, Plan, ProbeSpec, to_json
from tests.kernels.machines import virtual_kernels
from tests.lab import plans

ROOT = Path(__file__).resolve().parents[2]
KERNELS = virtual_kernels()


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def transfer_plan(seed: int = 1, loss: float = 0.02) -> Plan:
    """300 kB from h1 to h2 through a link of 10 Mbit/s and 2 x 10 ms with random loss, captured at both ends."""
    link = LinkDirection(rate_bps=10_000_000, delay_ns=10_000_000, loss=FixedLoss(loss) if loss else None)
    server = AgentSpec("t.server", "h2", "sink", {"port": 5001}, 0, 20_000_000_000)
    client = AgentSpec(
        "t.client", "h1", "bulk_send", {"address": "10.0.0.2", "port": 5001, "bytes": 300_000}, 0, 20_000_000_000
    )
    return msgspec.structs.replace(
        plans.pair(link),
        seed=seed,
        agents=(server, client),
        captures=(CaptureSpec("h1", "h1-eth0"), CaptureSpec("h2", "h2-eth0")),
        probes=ProbeSpec(interval_ns=20_000_000),
    )


def execute(kernel: str, plan: Plan, root: Path) -> Recording:
    """Run the plan in a new directory."""
    root.mkdir(parents=True)
    recording = Recording(root)
    UmlKernel(kernel).execute(plan, recording, quiet)
    return recording


def digests(recording: Recording) -> dict[str, str]:
    """SHA-256 of every file that a run left."""
    return {
        path.relative_to(recording.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(recording.root.rglob("*"))
        if path.is_file()
    }


def named(entry: Entry) -> str:
    """``uml:...`` in virtual time."""
    return f"uml:{entry.name}?time=virtual"


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """That many loops beside us that never rest."""
    loops = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(processes)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


def _spin() -> None:
    while True:
        pass


@pytest.fixture(params=KERNELS or [None], ids=lambda entry: "none" if entry is None else entry.name)
def entry(request: pytest.FixtureRequest) -> Entry:
    """Each series with virtual time in the cache."""
    if request.param is None:
        pytest.skip("no kernel with virtual time is in the cache: netemu kernels build 7.2")
    found: Entry = request.param
    return found


def test_a_name_is_a_version_and_options() -> None:
    assert parse_name("uml:6.12") == UmlOptions("6.12", False, 1 << 30, 300 * 10**9)
    name = "uml:6.12.107?time=virtual&memory=512M&standstill=10s"
    assert parse_name(name) == UmlOptions("6.12.107", True, 512 << 20, 10 * 10**9)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("uml", "write uml:VERSION"),
        ("uml:", "write uml:VERSION"),
        ("uml:latest", "no kernel version"),
        ("uml:6.12?time=slow", "'real' or 'virtual'"),
        ("uml:6.12?speed=1", "the options are"),
        ("uml:6.12?time=real&time=virtual", "the options are"),
        ("uml:6.12?time", "the options are"),
        ("uml:6.12?memory=1T", "at least 128M"),
        ("uml:6.12?memory=64M", "at least 128M"),
        ("uml:6.12?standstill=soon", "standstill"),
        ("uml:6.12?node.h1", "write node.NODE=VERSION"),
        ("uml:6.12?node.=5.10", "write node.NODE=VERSION"),
        ("uml:6.12?node.h1=5.10&node.h1=6.1", "write node.NODE=VERSION once"),
        ("uml:6.12?node.h1=newest", "no kernel version"),
    ],
)
def test_a_wrong_name_is_refused_with_what_is_right(name: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_name(name)


def test_nodes_may_have_kernels_of_their_own() -> None:
    options = parse_name("uml:7.2?node.h1=5.10&memory=512M&node.r1=6.1.176")
    assert options.memory_bytes == 512 << 20
    assert options.nodes == (("h1", "uml:5.10?memory=512M"), ("r1", "uml:6.1.176?memory=512M"))
    assert split_nodes("uml:7.2?node.h1=5.10") == ("uml:7.2", (("h1", "uml:5.10"),))
    assert split_nodes("uml:7.2") == ("uml:7.2", ())


def test_the_family_is_found_by_its_entry_point() -> None:
    assert isinstance(kernel_named("uml:6.12?time=virtual"), UmlKernel)


def test_the_seed_decides_the_guests_random_numbers() -> None:
    plan = plans.pair()
    assert random_seed(plan) == random_seed(msgspec.structs.replace(plan, experiment="another"))
    assert random_seed(plan) != random_seed(msgspec.structs.replace(plan, seed=2))
    assert 0 <= random_seed(plan) < 1 << 64


def test_system_calls_without_ptrace_are_asked_for_where_there_are() -> None:
    assert options_for("6.12.107") == ()
    assert options_for("7.2.13") == ("seccomp=auto",)


def test_another_kernel_on_a_node_is_refused(tmp_path: Path) -> None:
    plan = plans.pair()
    plan = msgspec.structs.replace(plan, nodes=(msgspec.structs.replace(plan.nodes[0], kernel="host"), *plan.nodes[1:]))
    with pytest.raises(MissingCapability, match="node 'h1' asks for kernel 'host'"):
        UmlKernel("uml:6.12").execute(plan, Recording(tmp_path), quiet)


def test_a_kernel_that_is_not_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    with pytest.raises(MissingCapability, match=r"netemu kernels build 6\.12"):
        UmlKernel("uml:6.12").execute(plans.pair(), Recording(tmp_path / "run"), quiet)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_plan_gives_the_same_bytes_every_time(entry: Entry, tmp_path: Path) -> None:
    """Captures, agents' logs, samples, counters, wires and the lab's account; with two busy loops beside one run."""
    with busy(2):
        one = execute(named(entry), transfer_plan(), tmp_path / "one")
    other = execute(named(entry), transfer_plan(), tmp_path / "a directory with a longer name" / "other")
    assert digests(one) == digests(other)
    assert {"captures/h1-eth0.pcapng", "agents/t.client.jsonl", "samples/sockets.jsonl"} <= digests(one).keys()
    account = json.loads((one.root / "execution.json").read_text())
    assert account["void"] == []
    assert account["degraded"] == []
    assert account["guest"]["sha256"] == entry.manifest.binary_sha256
    assert account["guest"]["time"] == "virtual"
    assert account["members"]["t.server"]["received_bytes"] == 300_000


@pytest.mark.parametrize(("tcp_ecn", "told"), [("1", (1, 0, 0, 0)), ("3", (2, 2, 0, 0))])
def test_tcp_info_of_linux_7_tells_of_ecn(built: Entry, tcp_ecn: str, told: tuple[int, ...], tmp_path: Path) -> None:
    """Its last word is bit fields: classic ECN, then Accurate ECN with its option, and no failure of either."""
    if int(built.manifest.version.partition(".")[0]) < 7:
        pytest.skip("no kernel with virtual time since 7.0 is in the cache: netemu kernels build 7.2")
    plan = transfer_plan(loss=0.0)
    nodes = tuple(msgspec.structs.replace(node, sysctls={"net.ipv4.tcp_ecn": tcp_ecn}) for node in plan.nodes)
    run = execute(named(built), msgspec.structs.replace(plan, nodes=nodes), tmp_path / "run")
    for agent in ("t.client", "t.server"):
        rows = [json.loads(line) for line in (run.agents / f"{agent}.jsonl").read_text().splitlines()]
        (info,) = (row["detail"] for row in rows if row.get("call") == "getsockopt TCP_INFO")
        names = ("ecn_mode", "accecn_opt_seen", "accecn_fail_mode", "options2")
        assert tuple(info[f"tcpi_{name}"] for name in names) == told, agent


def test_another_seed_gives_another_run(entry: Entry, tmp_path: Path) -> None:
    one, other = (execute(named(entry), transfer_plan(seed), tmp_path / str(seed)) for seed in (1, 2))
    assert digests(one)["captures/h1-eth0.pcapng"] != digests(other)["captures/h1-eth0.pcapng"]


def test_another_clone_gives_the_same_bytes(built: Entry, tmp_path: Path) -> None:
    clone = tmp_path / "another clone, elsewhere"
    shutil.copytree(ROOT / "netemu", clone / "netemu", ignore=shutil.ignore_patterns("__pycache__"))
    plan = tmp_path / "plan.json"
    plan.write_text(to_json(transfer_plan()))
    program = (
        "import sys; from pathlib import Path; from netemu.kernels.uml import *; from netemu.specs import from_json;"
        "root = Path(sys.argv[3]); root.mkdir();"
        "plan = from_json(Path(sys.argv[2]).read_bytes(), Plan, 'plan');"
        "UmlKernel(sys.argv[1]).execute(plan, Recording(root), print)"
    )
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    argv = [sys.executable, "-c", program, named(built), str(plan), str(tmp_path / "other")]
    subprocess.run(argv, check=True, env=environment, cwd=tmp_path)
    one = execute(named(built), transfer_plan(), tmp_path / "one")
    assert digests(one) == digests(Recording(tmp_path / "other"))


def test_real_time_runs_the_same_plan(built: Entry, tmp_path: Path) -> None:
    recording = execute(f"uml:{built.name}", transfer_plan(loss=0.0), tmp_path / "run")
    account = json.loads((recording.root / "execution.json").read_text())
    assert account["guest"]["time"] == "real"
    assert account["members"]["t.server"]["received_bytes"] == 300_000


def test_an_error_of_the_lab_comes_through(built: Entry, tmp_path: Path) -> None:
    plan = transfer_plan()
    plan = msgspec.structs.replace(plan, agents=(replace_args(plan.agents[0], {"port": "none"}), *plan.agents[1:]))
    with pytest.raises((BadInput, VoidRun), match=r"t\.server"):
        execute(named(built), plan, tmp_path / "run")


def replace_args(agent: AgentSpec, args: dict[str, Any]) -> AgentSpec:
    """The agent with other arguments."""
    return msgspec.structs.replace(agent, args=args)


def test_a_directory_is_removed_when_its_guard_is_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    kernel = UmlKernel("uml:6.12")
    with kernel.guarded(directory):
        assert directory.exists()
    assert not directory.exists()
    directory.mkdir()
    with kernel.guarded(directory):
        directory.rename(tmp_path / "finished")
    assert (tmp_path / "finished").exists()
