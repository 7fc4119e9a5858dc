"""The recordings of several guests made one: files moved together, accounts and samples joined."""

from __future__ import annotations

import heapq
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netemu.recording.layout import Recording

_BY_TIME = ("sockets.jsonl", "trace.jsonl")
_ONE_AFTER_THE_OTHER = ("counters.jsonl",)


def merge_recordings(parts: Sequence[Recording], whole: Recording) -> None:
    """Bring everything of ``parts`` into ``whole`` and remove them; their files have different names but samples."""
    for part in parts:
        for kind in ("captures", "agents", "wires"):
            for path in sorted((part.root / kind).iterdir()):
                shutil.move(path, whole.root / kind / path.name)
    for name in (*_BY_TIME, *_ONE_AFTER_THE_OTHER):
        paths = [part.samples / name for part in parts if (part.samples / name).exists()]
        if paths:
            _join(paths, whole.samples / name, by_time=name in _BY_TIME)
    for part in parts:
        shutil.rmtree(part.root)


def _join(paths: Sequence[Path], whole: Path, *, by_time: bool) -> None:
    with whole.open("w") as output:
        if by_time:
            output.writelines(line for _, line in heapq.merge(*map(_timed, paths), key=lambda pair: pair[0]))
        else:
            for path in paths:
                with path.open() as lines:
                    shutil.copyfileobj(lines, output)


def _timed(path: Path) -> Iterator[tuple[int, str]]:
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)["t_ns"], line


def merge_settings(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The settings that were read back, as :func:`netemu.lab.verify.verify` returns them for a network of one piece."""
    whole: dict[str, Any] = {"interfaces": {}, "routes": 0, "neighbours": 0, "forwarding": 0, "wires": {}}
    sysctls: dict[str, dict[str, str]] = {}
    for part in parts:
        whole["interfaces"] |= part["interfaces"]
        for name in ("routes", "neighbours", "forwarding"):
            whole[name] += part[name]
        for link, ends in part["wires"].items():
            whole["wires"].setdefault(link, {}).update(ends)
        for node in part["interfaces"]:
            sysctls[node] = part["sysctls"]["common"] | part["sysctls"]["nodes"].get(node, {})
    return whole | {"sysctls": factored(sysctls)}


def factored(sysctls: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """``common``: what every node has alike; ``nodes``: the rest, by node."""
    common = set.intersection(*(set(found.items()) for found in sysctls.values())) if sysctls else set()
    own = {node: dict(sorted(set(found.items()) - common)) for node, found in sysctls.items()}
    return {"common": dict(sorted(common)), "nodes": {node: found for node, found in own.items() if found}}


def merge_members(parts: Sequence[tuple[str, Mapping[str, Any]]], agents: Iterable[str]) -> dict[str, Any]:
    """The summaries of all processes; those that every guest has, such as ``capture``, with its label behind."""
    own = set(agents)
    return {
        name if name in own else f"{name} {label}": summary
        for label, members in parts
        for name, summary in members.items()
    }
