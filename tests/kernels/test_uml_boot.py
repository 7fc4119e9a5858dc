"""Real guests: what they may do, and how every way in which they can end is told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import MissingCapability, VoidRun
from netemu.kernels import uml_boot
from netemu.kernels.guest import Guest
from netemu.kernels.store import Entry
from netemu.kernels.uml_boot import Machine, memory_place, run_guest
from netemu.kernels.uml_guard import landlock_version
from tests.kernels.machines import machine_of

ROOT = Path(__file__).resolve().parents[2]


def run(machine: Machine, recording: Path, *words: str) -> tuple[Guest, list[dict[str, Any]]]:
    """One of the programs of tests.kernels.guests, and what it said."""
    said: list[dict[str, Any]] = []
    recording.mkdir(exist_ok=True)
    return run_guest(machine, ["tests.kernels.guests", *words], recording, said.append), said


def test_the_work_runs_as_root_in_an_empty_network(virtual: Machine, tmp_path: Path) -> None:
    guest, said = run(virtual, tmp_path, "hello", "one", "two words")
    environment = ["HOME", "LC_ALL", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TMPDIR"]
    assert said == [{"hello": [0, environment, ["lo"], ["one", "two words"]]}]
    assert guest.exit_code == 7
    assert guest.release is not None


def test_only_the_recording_can_be_written(virtual: Machine, tmp_path: Path) -> None:
    places = ["/", "/usr", "/run/netemu/control", str(ROOT), str(tmp_path), "/run/netemu/recording"]
    _, said = run(virtual, tmp_path / "recording", "write_everywhere", *places)
    assert [place for place, _ in said[0]["refused"]] == places[:-1]
    assert {error for _, error in said[0]["refused"]} == {"Read-only file system"}
    assert (tmp_path / "recording/netemu-was-here").read_text() == "x"


@pytest.mark.skipif(landlock_version() == 0, reason="this machine's kernel has no Landlock")
def test_a_guest_that_mounts_for_itself_can_write_no_more(virtual: Machine, tmp_path: Path) -> None:
    _, said = run(virtual, tmp_path / "recording", "mount_and_write", str(tmp_path))
    assert said == [{"mounted": 0, "remounted": 0, "refused": ["Permission denied"] * 2}]
    assert not (tmp_path / "netemu-was-here").exists()


def test_an_exception_in_the_work_is_on_the_console(virtual: Machine, tmp_path: Path) -> None:
    guest, _ = run(virtual, tmp_path, "fault")
    assert guest.exit_code == 1
    assert "RuntimeError: a fault of the guest's" in guest.tail


def test_a_guest_that_spins_in_virtual_time_is_called_hung(virtual: Machine, tmp_path: Path) -> None:
    hasty = Machine(virtual.binary, virtual.memory_bytes, virtual=True, options=virtual.options, standstill_s=2.0)
    with pytest.raises(VoidRun, match=r"clock has stood still for 2 s .*spins"):
        run(hasty, tmp_path, "spin")
    assert not descendants(os.getpid(), "linux")


def test_a_panic_is_told_with_the_consoles_last_lines(virtual: Machine, tmp_path: Path) -> None:
    small = Machine(virtual.binary, 128 << 20, virtual=True, options=virtual.options)
    with pytest.raises(VoidRun, match=r"ran out of memory: give it more with \?memory=.*Kernel panic"):
        run(small, tmp_path, "devour", "panic")


def test_work_that_is_killed_for_its_memory_is_seen(virtual: Machine, tmp_path: Path) -> None:
    small = Machine(virtual.binary, 128 << 20, virtual=True, options=virtual.options)
    guest, _ = run(small, tmp_path, "devour")
    assert guest.exit_code == 128 + signal.SIGKILL
    assert guest.out_of_memory


def test_a_program_that_is_no_kernel_is_said_to_have_ended(tmp_path: Path) -> None:
    with pytest.raises(VoidRun, match="ended with 1 before its work was done; its console's last lines: nothing"):
        run(Machine(Path("/bin/false")), tmp_path, "hello")
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(VoidRun, match="Exec format error"):
        run(Machine(tmp_path / "text"), tmp_path, "hello")


@contextlib.contextmanager
def started(machine: Machine, recording: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own in which a guest sleeps; it has come up when this yields."""
    program = (
        "import sys; from pathlib import Path; from netemu.kernels.uml_boot import *;"
        "run_guest(Machine(Path(sys.argv[1]), 256 << 20), ['tests.kernels.guests', 'sleep', '600'],"
        " Path(sys.argv[2]), lambda message: print(message, flush=True))"
    )
    argv = [sys.executable, "-c", program, str(machine.binary), str(recording)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert "sleeping" in process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("victim", ["netemu", "guard", "kernel"])
def test_whoever_is_killed_nothing_is_left(victim: str, virtual: Machine, tmp_path: Path) -> None:
    with started(virtual, tmp_path) as process:
        below = descendants(process.pid)
        kernel = next(pid for pid, name in below.items() if name == "linux")
        guard = int(Path(f"/proc/{kernel}/stat").read_text().rpartition(")")[2].split()[1])
        control = Path(f"/proc/{kernel}/cwd").readlink()
        assert len(below) >= 3, "the guest's own processes are the host's too"
        os.kill({"netemu": process.pid, "guard": guard, "kernel": kernel}[victim], signal.SIGKILL)
        process.wait(timeout=10)
        deadline = time.monotonic() + 10
        while (left := [pid for pid in below if alive(pid)]) or control.exists():
            assert time.monotonic() < deadline, (left, control)
            time.sleep(0.02)
        if victim != "netemu":
            assert process.stderr is not None
            assert "VoidRun: the guest" in process.stderr.read()


def test_an_interrupt_ends_the_guest(virtual: Machine, tmp_path: Path) -> None:
    with started(virtual, tmp_path) as process:
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)
        assert not [pid for pid in below if alive(pid)]


def test_the_same_seed_gives_the_same_random_numbers(virtual: Machine, tmp_path: Path) -> None:
    def drawn(seed: int) -> list[dict[str, Any]]:
        machine = Machine(virtual.binary, 256 << 20, virtual=True, random_seed=seed, options=virtual.options)
        return run(machine, tmp_path, "random")[1]

    assert drawn(1) == drawn(1)
    assert drawn(1)[0]["random"] != drawn(2)[0]["random"]


def test_in_virtual_time_sleeping_costs_nothing(virtual: Machine, tmp_path: Path) -> None:
    begun = time.monotonic()
    guest, _ = run(virtual, tmp_path, "sleep", "1000")
    assert guest.exit_code == 0
    assert time.monotonic() - begun < 500


@pytest.mark.lab
def test_an_ordinary_user_can_run_a_guest(built: Entry, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As user nobody, with nothing of root's but files that all may read."""
    place = Path("/var/tmp") / f"netemu-test-{os.getpid()}"
    (place / "recording").mkdir(parents=True)
    try:
        shutil.copy(built.binary, place / "linux")
        shutil.copytree(ROOT / "netemu", place / "netemu", ignore=shutil.ignore_patterns("__pycache__"))
        (place / "tests").mkdir()
        shutil.copytree(ROOT / "tests/kernels", place / "tests/kernels")
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        os.chown(place / "recording", 65534, 65534)
        program = (
            "from pathlib import Path; from netemu.kernels.uml_boot import *;"
            "print(run_guest(Machine(Path('linux').resolve(), 256 << 20, virtual=True),"
            " ['tests.kernels.guests', 'hello'], Path('recording'), print).exit_code)"
        )
        library = next(place for place in sys.path if place.endswith("site-packages"))
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
        done = subprocess.run(
            [*user, "/usr/bin/python3", "-c", program],
            cwd=place,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{place}:{library}", "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[-1:] == ["7"], done.stderr
    finally:
        shutil.rmtree(place)


def test_memory_goes_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 100 << 20))  # type: ignore[attr-defined]
    assert memory_place(50 << 20, tmp_path) == Path("/dev/shm")
    with pytest.raises(MissingCapability, match=r"memory of 200 MiB \(/dev/shm has 100 MiB free.*\?memory="):
        memory_place(200 << 20, tmp_path)


def test_a_processor_that_the_kernel_does_not_know_is_named() -> None:
    guest = Guest(subprocess.Popen(["/bin/true"]))
    guest.process.wait()
    guest.take("userspace - ptrace set fp regs failed, errno = 14", lambda message: None)
    assert "netemu kernels build" in str(uml_boot.why_ended(guest))


def test_the_command_line_names_no_run(tmp_path: Path) -> None:
    line = Machine(tmp_path / "linux", virtual=True, random_seed=5).command_line
    assert not any(str(tmp_path) in word for word in line)
    assert "random_seed=5" in line
    assert not any(word.startswith("random_seed") for word in Machine(tmp_path / "linux").command_line)


def descendants(pid: int, name: str | None = None) -> dict[int, str]:
    """Every process below ``pid`` and its program's name."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                head, _, tail = (path / "stat").read_text().rpartition(")")
                parents[int(path.name)] = (int(tail.split()[1]), head.partition("(")[2])
    found: dict[int, str] = {}
    edge = {pid}
    while edge:
        edge = {child for child, (parent, _) in parents.items() if parent in edge}
        found |= {child: parents[child][1] for child in edge}
    return {child: program for child, program in found.items() if name in (None, program)}


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_machines_of_the_store_know_their_options(built: Entry) -> None:
    assert machine_of(built).binary == built.binary
