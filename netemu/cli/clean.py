"""``netemu clean``: remove what killed runs of netemu left, and nothing else."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

DESCRIPTION = """\
Remove what killed runs of netemu left: what they had registered in /run, tracing instances, and unfinished run
directories whose owner has ended. Finished results stay unless --results is given; nothing of other programs is ever
touched.
"""

RUN_NAME = re.compile(r"^\d{8}T\d{6}Z-(repeat-|compare-)?[0-9a-f]{12}(-\d+)?$")
CLOCK_SLACK_S = 2.0
SETTLING_S = 10
"""What is younger than this may be about to get its owner file, or its lock."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something to remove: its name, why it may go, and how; ``remove`` says False when it is in use after all."""

    name: str
    reason: str
    remove: Callable[[], bool]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("clean", help="remove what killed runs of netemu left", description=DESCRIPTION)
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.add_argument("--results", action="store_true", help="remove the finished runs below the results root too")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="the results root")
    parser.set_defaults(run=run)


def find_leftovers(results: Path, finished_too: bool) -> Iterator[Leftover]:
    """Everything that may go, in the order in which it is removed."""
    if os.geteuid() == 0:
        yield from registered_leftovers()
        yield from trace_leftovers()
    else:
        print("not looked at: what runs as root left in the kernel and in /run (sudo netemu clean looks there)")
    yield from partial_runs(results)
    if finished_too:
        yield from finished_runs(results)


def registered_leftovers() -> Iterator[Leftover]:
    """What runs wrote down before making it, where the run and its janitor are gone."""
    from netemu.lab.registry import registered, stale_registries

    for registry in stale_registries():
        if time.time() - registry.stat().st_mtime < SETTLING_S:
            continue
        listed = ", ".join(f"{kind} {what}" for kind, what in registered(registry)) or "nothing more"
        yield Leftover(str(registry), f"of a run that has ended; it lists {listed}", partial(_remove_listed, registry))


def _remove_listed(registry: Path) -> bool:
    from netemu.lab.registry import remove_registered
    from netemu.lab.tracefs import with_tracefs

    for removed in with_tracefs(lambda root: remove_registered(registry)):
        print(f"removed {removed}: made by that run")
    return True


def trace_leftovers() -> Iterator[Leftover]:
    """Tracing instances without a run or a registry."""
    from netemu.errors import MissingCapability
    from netemu.lab.tracefs import orphaned_instances

    try:
        names = orphaned_instances()
    except MissingCapability as error:
        print(f"not looked at: tracing instances ({error})")
        return
    for name in names:
        yield Leftover(f"tracing instance {name}", "made by a run that has ended", partial(_remove_instance, name))


def _remove_instance(name: str) -> bool:
    from netemu.lab.registry import remove_instance
    from netemu.lab.tracefs import with_tracefs

    return with_tracefs(lambda root: remove_instance(name))


def partial_runs(results: Path, proc: Path = Path("/proc")) -> Iterator[Leftover]:
    """Unfinished run directories whose owner has ended."""
    from netemu.results.store import PARTIAL, finished_name

    for path in sorted(results.glob(f"*/*{PARTIAL}")):
        if RUN_NAME.match(finished_name(path.name) or "") and not owner_is_alive(path, proc):
            yield Leftover(str(path), "an unfinished run whose owner has ended", _tree_remover(path))


def finished_runs(results: Path) -> Iterator[Leftover]:
    """Finished runs and summaries of several: what has such a name and its file; whatever else lies there stays."""
    from netemu.recording.layout import Recording

    for path in sorted(results.glob("*/*")):
        if not RUN_NAME.match(path.name):
            continue
        if Recording(path).manifest.is_file():
            yield Leftover(str(path), "a finished run", _tree_remover(path))
        elif Recording(path).repeat.is_file():
            yield Leftover(str(path), "the summary of several runs", _tree_remover(path))
        elif (path / "comparison.json").is_file():
            yield Leftover(str(path), "a comparison of several runs", _tree_remover(path))


def owner_is_alive(run: Path, proc: Path) -> bool:
    """Whether the process named in the run's owner file lives and is the one that wrote it, not a later namesake."""
    from netemu.results.store import OWNER

    owner = run / OWNER
    if not owner.exists() and time.time() - run.stat().st_mtime < SETTLING_S:
        return True
    try:
        number = int(owner.read_text())
        stat = (proc / str(number) / "stat").read_text()
        boot_s = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, ValueError):
        return False
    # Field 22 of /proc/PID/stat is the start in clock ticks since boot (proc(5)); the name before it may hold blanks.
    ticks = int(stat.rpartition(")")[2].split()[19])
    started_s = int(boot_s.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return started_s <= owner.stat().st_mtime + CLOCK_SLACK_S


def _tree_remover(path: Path) -> Callable[[], bool]:
    def remove() -> bool:
        from netemu.results.store import finished_name

        shutil.rmtree(path)
        if RUN_NAME.match(finished_name(path.name) or path.name) and not any(path.parent.iterdir()):
            path.parent.rmdir()
        return True

    return remove


def run(args: argparse.Namespace) -> int:
    """Remove, or name, each leftover; always says at least one line."""
    from netemu.errors import MissingCapability

    found = 0
    for leftover in find_leftovers(args.out, args.results):
        found += 1
        if args.dry_run:
            print(f"would remove {leftover.name}: {leftover.reason}")
            continue
        try:
            removed = leftover.remove()
        except OSError as error:
            raise MissingCapability(
                f"{leftover.name}: {error.strerror} ({error.filename}): run it with sudo"
            ) from error
        print(f"removed {leftover.name}: {leftover.reason}" if removed else f"in use after all: {leftover.name}")
    if found == 0:
        print("nothing to remove")
    return 0
