"""Runs killed by SIGKILL at random moments, each time another of their processes; what is left two seconds later.

Run as root: ``python -m tests.bench.bench_kill [--kills 200] [--parallel 4] [--seed 1] [-- COMMAND ...]``. COMMAND is a
run of netemu; without one it is ``netemu run experiments/path_mtu.py``, or with ``--lab`` a lab alone
(tests/lab/caged_lab.py). ``--kernel`` runs the experiment on another kernel, such as ``uml:7.2?time=virtual``, which
needs no root. The victim is any process of the run (with ``--outer`` the outermost alone): outer, janitor, unshare,
process 1 of the cage, the lab, a relay, an agent; of a guest the guards, the kernel and the processes that carry its
own. A run that its victim's death does not end is waited for. Exit code 1 when anything is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.leftovers import TOKEN, Footprint, Process, net_namespaces

ROOT = Path(__file__).resolve().parents[2]
MEMORY = Path("/dev/shm")
SETTLE_S = 2.0
LONGEST_RUN_S = 180.0
FAILED_CLAIM = 1


def role(process: Process, root_pid: int) -> str:
    """What part of a run a process is."""
    if process.pid == root_pid:
        return "outer"
    words = process.command.split("\0")
    for module in ("netemu.lab.janitor", "netemu.lab.cage_init"):
        if module in words[:6] or (module in words and words[0] not in ("setpriv", "unshare")):
            return module.rpartition(".")[2]
    if words[0] in ("unshare", "setpriv"):
        return words[0]
    modules = [word for word in words if word.startswith(("netemu.", "tests."))]
    return modules[0] if modules else Path(words[0]).name


@dataclass
class Tally:
    """Over all kills: who was hit, what was left."""

    victims: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    ended_before: int = 0
    reaped_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def links_of_this_namespace() -> set[str]:
    """The interfaces of the namespace this benchmark runs in, where a leak would show."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def abandoned_memory() -> set[str]:
    """Directories for the memory of guests in which no process works; a guest that is being made soon has one."""
    found = _memory_without_guest()
    if found:
        time.sleep(5.0)
        found &= _memory_without_guest()
    return found


def _memory_without_guest() -> set[str]:
    used = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            used.add(str((entry / "cwd").readlink()))
    return {str(path) for path in MEMORY.glob("netemu-*")} - used


def start(command: list[str], directory: Path, token: str) -> subprocess.Popen[bytes]:
    """Start one run, with temporary files and results below ``directory``."""
    temporary = directory / "tmp"
    temporary.mkdir()
    environment = {**os.environ, TOKEN: token, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    log = (directory / "output").open("wb")
    words = [word.replace("{out}", str(directory / "results")) for word in command]
    return subprocess.Popen(words, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT)


def kill_once(
    command: list[str], moment_s: float, random_: random.Random, tally: Tally, *, outer_only: bool = False
) -> None:
    """Start a run, kill one of its processes after ``moment_s``, and count what is left."""
    token = f"{random_.getrandbits(64):016x}"
    memory_before = abandoned_memory()
    with tempfile.TemporaryDirectory(prefix="bench-kill-") as text:
        directory = Path(text)
        run = start(command, directory, token)
        footprint = Footprint(token)
        try:
            run.wait(moment_s)
        except subprocess.TimeoutExpired:
            seen = footprint.look(run.pid)
            victim = seen[0] if outer_only else random_.choice(seen)
            name = role(victim, run.pid)
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:
                name = "(gone already)"
            killed = time.monotonic()
            run.wait(LONGEST_RUN_S)
            waited_ms = 1000 * (time.monotonic() - killed)
        else:
            name, waited_ms = "(ended before)", 0.0
        time.sleep(SETTLE_S)
        left = footprint.left()
        left["temporary"] = [str(path) for path in (directory / "tmp").iterdir()]
        left["guest memory"] = sorted(abandoned_memory() - memory_before)
        left["half-made runs"] = [str(path) for path in (directory / "results").glob("*/*.partial")]
        with tally.lock:
            tally.victims[name] += 1
            tally.reaped_ms.append(waited_ms)
            for kind, names in left.items():
                tally.left[kind] += len(names)
                if names:
                    tally.examples.append(f"after SIGKILL to {name} at {moment_s:.3f} s, {kind}: {', '.join(names)}")


def undisturbed_s(command: list[str]) -> float:
    """How long a run takes when nobody kills it; a first one compiles what later ones find compiled."""
    _one_run_s(command)
    return _one_run_s(command)


def _one_run_s(command: list[str]) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-kill-") as text:
        begin = time.monotonic()
        code = start(command, Path(text), "undisturbed").wait(LONGEST_RUN_S)
        if code not in (0, FAILED_CLAIM):
            raise SystemExit(f"the undisturbed run failed ({code}): {(Path(text) / 'output').read_text()}")
        return time.monotonic() - begin


def main() -> int:
    """Kill and count; prints one line per finding and the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lab", action="store_true", help="kill a lab without experiment, capture and analysis")
    parser.add_argument("--kernel", help="the kernel of the experiment (default: this machine's)")
    parser.add_argument("--outer", action="store_true", help="kill the outermost process alone, as a user would")
    parser.add_argument("command", nargs="*", help="{out} in it stands for a results directory")
    args = parser.parse_args()
    experiment = [sys.executable, "-m", "netemu", "run", "experiments/path_mtu.py", "--out", "{out}"]
    experiment += ["--kernel", args.kernel] if args.kernel else []
    lab = [sys.executable, "-m", "tests.lab.caged_lab", "0.5"]
    command = args.command or (lab if args.lab else experiment)
    links, namespaces = links_of_this_namespace(), net_namespaces()
    length_s = undisturbed_s(command)
    print(f"{args.kills} kills of: {' '.join(command)} (undisturbed {length_s:.2f} s)", flush=True)
    random_ = random.Random(args.seed)
    # With several at once each takes longer, so that moments up to twice the length are within a run.
    stretch = 1.0 + 0.25 * (args.parallel - 1)
    todo = [(random_.uniform(0, stretch * length_s), random.Random(random_.random())) for _ in range(args.kills)]
    tally = Tally()

    def work() -> None:
        while True:
            with tally.lock:
                if not todo:
                    return
                moment_s, own = todo.pop()
            kill_once(command, moment_s, own, tally, outer_only=args.outer)

    workers = [threading.Thread(target=work) for _ in range(args.parallel)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    tally.left["links"] = len(links_of_this_namespace() - links)
    for example in tally.examples:
        print(f"LEFT {example}")
    print("victims: " + ", ".join(f"{name} {count}" for name, count in tally.victims.most_common()))
    print(f"network namespaces in the kernel, those of others included: {namespaces} before, {net_namespaces()} after")
    print(f"time until the run had ended: median {statistics.median(tally.reaped_ms):.0f} ms", end=", ")
    print(f"most {max(tally.reaped_ms):.0f} ms (a run that its victim's death does not end goes on)")
    total = sum(tally.left.values())
    counts = ", ".join(f"{kind} {tally.left[kind]}" for kind in sorted(tally.left))
    verdict = "met" if total == 0 else "MISSED"
    print(f"TARGET left 2 s after {args.kills} kills: asked 0, measured {total} ({counts}): {verdict}")
    return 0 if total == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
