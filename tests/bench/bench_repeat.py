"""Whether virtual time repeats to the byte: the same plan and seed under load, in another clone, as another user.

``python -m tests.bench.bench_repeat [--kernel uml:7.2?time=virtual ...] [--runs 100] [--only NAME]``. For each kernel
``experiments/repeatability.py`` (seeded loss, captures, samples, tables, figures) runs N times beside four busy loops,
and a fifth as often in each other place: without those loops, in another clone of this repository whose directory has a
longer name, and, when started by root, as the user 65534. What runs is the last commit. All of these must leave one
hash over captures and one over everything; runs of other seeds must differ. ``--only dice`` asks whether netem's loss
is chance: the ratio and the correlation of neighbours over many datagrams, the same fate for the same seed. Exit code 1
when anything is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from netemu.kernels.store import open_store
from netemu.kernels.uml import UmlKernel, parse_name
from netemu.recording.digest import PARTS, file_digests
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, FixedLoss, LinkDirection, Plan, ProbeSpec
from tests.lab import plans

ROOT = Path(__file__).resolve().parents[2]
LOOPS = 4
NOBODY = 65534
DATAGRAMS, LOSS, SIGMAS = 8_000, 0.05, 4.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a run is made: the tree it is started from, the load beside it, whose it is."""

    name: str
    tree: Path
    share: float
    loops: int = 0
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def places(scratch: Path) -> list[Place]:
    """A clone under load first; the others make a fifth of its runs."""
    clone, other = scratch / "a", scratch / "another clone, in a directory with a longer name"
    for tree in (clone, other):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(tree)], check=True)
    found = [
        Place(f"beside {LOOPS} busy loops", clone, 1.0, loops=LOOPS),
        Place("without load of ours", clone, 0.2),
        Place("in another clone", other, 0.2),
    ]
    if os.geteuid() == 0:
        found.append(_as_nobody(scratch, other))
    return found


def _as_nobody(scratch: Path, clone: Path) -> Place:
    """An ordinary user, who can read the clone and a copy of the kernels, and write to a home of its own."""
    kernels = scratch / "kernels"
    for entry in open_store().entries():
        if entry.manifest.virtual_time:
            shutil.copytree(entry.directory, kernels / entry.directory.name)
    home = scratch / "home"
    home.mkdir()
    for place in (scratch, *scratch.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode | (0o555 if place.is_dir() else 0o444))
    os.chown(home, NOBODY, NOBODY)
    setpriv = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    own = {"HOME": str(home), "NUMBA_CACHE_DIR": str(home / "numba"), "NETEMU_KERNELS": str(kernels)}
    return Place(f"as user {NOBODY}", clone, 0.2, prefix=setpriv, environment=own)


def runs_at(place: Place, kernel: str, count: int, results: Path, *words: str) -> dict[str, Any]:
    """Make the runs as ``netemu run`` does, in the place; their ``repeat.json``, each run's directory made absolute."""
    results.mkdir()
    if place.prefix:
        os.chown(results, NOBODY, NOBODY)
    argv = [*place.prefix, sys.executable, "-m", "netemu", "run", "experiments/repeatability.py", "--kernel", kernel]
    argv += ["--repeat", str(count), "--load", str(place.loops), "--out", str(results), "--json", *words]
    environment = {**os.environ, "PYTHONPATH": str(place.tree), **place.environment}
    done = subprocess.run(argv, cwd=place.tree, env=environment, capture_output=True, text=True, check=False)
    stored = list((results / "repeatability").glob("*-repeat-*/repeat.json"))
    if not stored:
        raise SystemExit(f"{place.name}, {kernel}: exit code {done.returncode}: {done.stderr}")
    content: dict[str, Any] = json.loads(stored[0].read_text())
    for run in content["runs"]:
        run["directory"] = (stored[0].parent / run["directory"]).resolve()
    return content


def repeats(kernel: str, count: int, there: Sequence[Place], scratch: Path) -> bool:
    """Runs of one seed in all places: how many different results; whether it is one."""
    found: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    examples: dict[str, Path] = {}
    flawed = 0
    for number, place in enumerate(there):
        begun = time.monotonic()
        wanted = max(2, round(count * place.share))
        made = runs_at(place, kernel, wanted, scratch / f"{parse_name(kernel).version}-{number}", "--same-seed")
        flawed += wanted - made["validity"]["valid"]
        for run in made["runs"]:
            for part, digest in run["digests"].items():
                found[part][digest] += 1
                examples.setdefault(f"{part} {digest}", run["directory"])
        counts = ", ".join(f"{part} {len(made['digests'][part])} different" for part in PARTS)
        took = (time.monotonic() - begun) / wanted
        print(f"{kernel} {place.name}: {wanted} runs, {counts}; {took:.1f} s a run", flush=True)
    same = flawed == 0 and all(len(counter) == 1 for counter in found.values())
    total = sum(found["captures"].values())
    counts = ", ".join(f"{len(found[part])} different {part}" for part in PARTS)
    verdict = "ok" if same else "MISSED"
    print(f"{kernel}: {total} runs of one seed: {counts}, {flawed} not valid (target 1, 1, 0): {verdict}", flush=True)
    if len(found["everything"]) > 1:
        print_differences([examples[f"everything {digest}"] for digest in found["everything"]])
    return same


def print_differences(runs: Sequence[Path]) -> None:
    """The files in which the first run and another differ."""
    first = file_digests(Recording(runs[0]))
    for other in runs[1:4]:
        second = file_digests(Recording(other))
        names = [name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name)]
        print(f"  {runs[0]} and {other} differ in {', '.join(names)}", flush=True)


def seeds(kernel: str, here: Place, scratch: Path) -> bool:
    """Runs of three seeds differ."""
    made = runs_at(here, kernel, 3, scratch / f"{parse_name(kernel).version}-seeds")
    different = len(made["digests"]["captures"])
    print(f"{kernel}: 3 seeds: {different} different captures (target 3): {'ok' if different == 3 else 'MISSED'}")
    return different == 3


def lossy_datagrams(seed: int) -> Plan:
    """Datagrams from h1 to h2 at one a millisecond, of which 1 in 20 is lost by chance."""
    server = AgentSpec("t.server", "h2", "udp_sink", {"port": 5001}, 0, 40 * 10**9)
    args = {"address": "10.0.0.2", "port": 5001, "size_bytes": 64, "interval_ns": 10**6, "count": DATAGRAMS}
    client = AgentSpec("t.client", "h1", "udp_send", args, 0, 30 * 10**9)
    return msgspec.structs.replace(
        plans.pair(LinkDirection(delay_ns=10**6, loss=FixedLoss(LOSS)), LinkDirection(delay_ns=10**6)),
        seed=seed,
        agents=(server, client),
        probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False),
        duration_ns=40 * 10**9,
    )


def lost(kernel: str, seed: int) -> tuple[int, ...]:
    """The numbers of the datagrams that the wire lost."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        UmlKernel(kernel).execute(lossy_datagrams(seed), recording, lambda text: None)
        account = json.loads((recording.root / "execution.json").read_text())
        assert account["wires"]["l1"]["backend"] == "netem", account["wires"]["l1"]["backend"]
        rows = [json.loads(line) for line in (recording.agents / "t.server.jsonl").read_text().splitlines()[1:]]
    arrived = {row["detail"]["seq"] for row in rows if row.get("detail")}
    return tuple(number for number in range(DATAGRAMS) if number not in arrived)


def dice(kernel: str) -> bool:
    """Whether loss is chance: its ratio, the correlation of neighbours; the same for one seed, another for another."""
    found = {seed: lost(kernel, seed) for seed in (1, 2, 3)}
    again = lost(kernel, 1) == found[1]
    met = again and len(set(found.values())) == len(found)
    different = len(set(found.values()))
    print(f"{kernel}: seed 1 twice: {'the same' if again else 'OTHER'} losses; 3 seeds: {different} different losses")
    for seed, numbers in found.items():
        sigma = math.sqrt(DATAGRAMS * LOSS * (1 - LOSS))
        off = (len(numbers) - DATAGRAMS * LOSS) / sigma
        pairs = len(set(numbers) & {number + 1 for number in numbers})
        pairs_off = (pairs - DATAGRAMS * LOSS**2) / math.sqrt(DATAGRAMS * LOSS**2)
        fair = abs(off) <= SIGMAS and abs(pairs_off) <= SIGMAS
        met = met and fair
        print(
            f"  seed {seed}: lost {len(numbers)} of {DATAGRAMS} (asked {LOSS:.0%}: {off:+.1f} sigma), {pairs} pairs of"
            f" neighbours ({pairs_off:+.1f} sigma): {'ok' if fair else 'MISSED'}",
            flush=True,
        )
    return met


def main() -> int:
    """Everything for each kernel, or the one part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", metavar="NAME")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", choices=("repeats", "seeds", "dice"))
    args = parser.parse_args()
    met = []
    with tempfile.TemporaryDirectory(prefix="netemu-repeat-", ignore_cleanup_errors=True) as made:
        scratch = Path(made)
        there = places(scratch) if args.only != "dice" else []
        for kernel in args.kernel or ["uml:7.2?time=virtual"]:
            if args.only in (None, "repeats"):
                met.append(repeats(kernel, args.runs, there, scratch))
            if args.only in (None, "seeds"):
                met.append(seeds(kernel, there[1], scratch))
            if args.only in (None, "dice"):
                met.append(dice(kernel))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
