"""A real kernel's run is made once and kept by what it depends on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netemu.errors import VoidRun
from netemu.fidelity import references
from netemu.fidelity.scenarios import named
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json

KERNEL = "uml:7.2?time=virtual"


class Fake:
    """A kernel that counts its runs; ``void`` are the reasons it gives."""

    def __init__(self) -> None:
        self.runs = 0
        self.void: list[str] = []

    def execute(self, plan: Plan, recording: Recording, progress: Callable[[str], None]) -> None:
        self.runs += 1
        recording.plan.write_text(to_json(plan))
        recording.execution.write_text(json.dumps({"void": self.void, "degraded": []}))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    monkeypatch.setattr(references, "kernel_named", lambda name: fake)
    monkeypatch.setattr(references, "directory", lambda plan, name: tmp_path / "cache" / f"{name[4:7]}-{plan.digest}")
    return fake


def test_a_second_call_runs_nothing(kernel: Fake) -> None:
    plan = named("bulk").plan()
    first = references.reference(plan, KERNEL, print)
    assert references.reference(plan, KERNEL, print) == first
    assert kernel.runs == 1
    assert first.plan.read_text() == to_json(plan)
    assert [path.name for path in first.root.parent.iterdir()] == [first.root.name]


def test_another_plan_or_kernel_is_another_run(kernel: Fake) -> None:
    for name, version in (("bulk", "7.2"), ("rto", "7.2"), ("bulk", "6.1")):
        references.reference(named(name).plan(), f"uml:{version}?time=virtual", print)
    assert kernel.runs == 3


def test_a_void_run_is_told_and_not_kept(kernel: Fake, tmp_path: Path) -> None:
    kernel.void = ["the capture lost 3 packets"]
    with pytest.raises(VoidRun, match=r"fidelity_bulk on uml:7\.2\?time=virtual: the capture lost 3 packets"):
        references.reference(named("bulk").plan(), KERNEL, print)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_place_depends_on_what_runs_in_the_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "netemu"
    for name in references._INSIDE:
        place = package / name
        (place if not place.suffix else place.parent).mkdir(parents=True, exist_ok=True)
        (place / "a.py" if not place.suffix else place).write_text("one = 1\n")
    monkeypatch.setattr(references, "PACKAGES", tmp_path)
    references._programs.cache_clear()
    before = references._programs()
    (package / "stack").mkdir()
    (package / "stack" / "a.py").write_text("")
    references._programs.cache_clear()
    assert references._programs() == before
    (package / "agents" / "a.py").write_text("one = 2\n")
    references._programs.cache_clear()
    assert references._programs() != before
    references._programs.cache_clear()
