"""Nothing of a caged run outlives it, whichever of its processes is killed, and every end has its own exit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from netemu.errors import MissingCapability, VoidRun
from netemu.lab.cage import current_registry, run_in_cage
from netemu.lab.watch import Watch
from tests.lab.leftovers import TOKEN, Footprint

ROOT = Path(__file__).resolve().parents[2]


class Run:
    """A caged lab (tests/lab/caged_lab.py) that is up, and what it consists of."""

    def __init__(self, directory: Path, seconds: float) -> None:
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        token = uuid.uuid4().hex
        environment = {**os.environ, TOKEN: token, "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.lab.caged_lab", str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"inside\n"
        self.footprint = Footprint(token)
        self.tree = self.footprint.look(self.process.pid)

    def pid_of(self, module: str) -> int:
        """The process that runs ``module``; of several in a chain the last."""
        return [process.pid for process in self.tree if module in process.command.split("\0")][-1]

    def left(self) -> dict[str, list[str]]:
        """What is left when the run has had two seconds to vanish."""
        self.process.wait(20)
        deadline = time.monotonic() + 2.0
        while True:
            left = self.footprint.left()
            if any(self.temporary.iterdir()):
                left["temporary"] = [str(path) for path in self.temporary.iterdir()]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path, 30.0)
    yield made
    if made.process.poll() is None:
        made.process.terminate()
    made.process.communicate()


@pytest.mark.lab
@pytest.mark.parametrize(
    "victim",
    ["outer", "unshare", "netemu.lab.cage_init", "netemu.lab.janitor", "inside"],
)
def test_nothing_is_left_when_a_process_of_the_run_is_killed(run: Run, victim: str) -> None:
    assert {"netemu-" + run_id for run_id in run.footprint.run_ids}
    if victim == "outer":
        pid = run.process.pid
    elif victim == "unshare":
        pid = next(process.pid for process in run.tree if process.command.startswith("unshare\0"))
    else:
        pid = run.pid_of(victim)
    os.kill(pid, signal.SIGKILL)
    assert run.left() == {}
    assert run.process.returncode != 0


@pytest.mark.lab
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_the_run_and_then_acts_as_it_would_have(run: Run, number: int, code: int) -> None:
    run.process.send_signal(number)
    assert run.left() == {}
    # An unhandled KeyboardInterrupt ends Python by SIGINT itself.
    assert run.process.returncode in (code, -number)


@pytest.mark.lab
def test_a_run_that_ends_by_itself_leaves_nothing_either(tmp_path: Path) -> None:
    run = Run(tmp_path, 0.2)
    assert run.left() == {}
    assert run.process.returncode == 0
    assert run.process.communicate()[1] == b""


@pytest.mark.lab
def test_the_lab_is_alone_and_has_a_temporary_directory_of_its_own(tmp_path: Path) -> None:
    output = tmp_path / "output"
    script = "echo $$; ls /sys/class/net > /dev/null; cat /proc/net/dev | wc -l; echo $TMPDIR; ls -d $TMPDIR"
    with output.open("wb") as opened:
        assert run_in_cage(["sh", "-c", script], stdout=opened.fileno()) == 0
    pid, lines, temporary, there = output.read_text().split()
    assert (int(pid), int(lines)) == (2, 3)  # process 2; two lines of heading and lo
    assert temporary == there
    assert not Path(temporary).exists()


@pytest.mark.lab
@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_the_labs_exit_code_is_the_result(code: int) -> None:
    assert run_in_cage(["sh", "-c", f"exit {code}"]) == code


@pytest.mark.lab
def test_a_lab_that_was_killed_makes_the_run_void() -> None:
    with pytest.raises(VoidRun, match="ended by signal 9 "):
        run_in_cage(["sh", "-c", "kill -9 $$"])


@pytest.mark.lab
def test_a_program_that_is_not_there_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_in_cage(["/nosuch"]) == 127
    assert "/nosuch: No such file or directory" in capfd.readouterr().err


@pytest.mark.lab
def test_one_watch_may_see_several_cages(tmp_path: Path) -> None:
    with Watch() as watch:
        for number in range(2):
            output = tmp_path / str(number)
            with output.open("wb") as opened:
                assert run_in_cage(["sh", "-c", "echo $NETEMU_RUN_ID"], stdout=opened.fileno(), watch=watch) == 0
            assert output.read_text().strip() == watch.registry.run_id


@pytest.mark.lab
def test_several_cages_at_once_do_not_meet(tmp_path: Path) -> None:
    runs = []
    for number in range(3):
        place = tmp_path / str(number)
        place.mkdir()
        runs.append(Run(place, 0.5))
    for run in runs:
        assert run.left() == {}
        assert run.process.returncode == 0
        run.process.communicate()


def test_outside_there_is_no_registry_and_inside_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETEMU_RUN_ID", raising=False)
    assert current_registry() is None
    monkeypatch.setenv("NETEMU_RUN_ID", "abc")
    found = current_registry()
    assert found is not None
    assert found.run_id == "abc"


def test_without_root_the_remedy_is_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingCapability, match="run it again with sudo"):
        run_in_cage(["true"])


@pytest.mark.lab
def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(MissingCapability, match="unshare is missing: apt-get install util-linux"):
        run_in_cage(["true"])
