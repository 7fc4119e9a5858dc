"""``netemu kernels check``: boot a kernel of the store and report what it proved, in real time and in virtual time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from netemu.errors import NetemuError
from netemu.kernels import Progress
from netemu.kernels.abilities import abilities
from netemu.kernels.guest import Guest, Listener, temporary_directory
from netemu.kernels.ready import module_files
from netemu.kernels.store import Entry
from netemu.kernels.uml import options_for
from netemu.kernels.uml_boot import Machine, run_guest

Boot = Callable[[list[str], Path, Listener], Guest]
"""Runs ``python -m`` of the words in a guest that may write to the directory."""

_MEMORY_BYTES = 256 << 20


@dataclass(slots=True)
class Report:
    """What a check found, by ``real`` and ``virtual`` time: a list of findings, or the error that stopped it."""

    name: str
    sha256: str
    findings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    family: str = "uml"

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.errors and all(one["ok"] for found in self.findings.values() for one in found)

    def to_json(self) -> str:
        """One JSON object."""
        body = {
            "family": self.family,
            "name": self.name,
            "sha256": self.sha256,
            "passed": self.passed,
            "findings": self.findings,
            "errors": self.errors,
        }
        return json.dumps(body, indent=2) + "\n"

    def to_text(self) -> str:
        """One line for each finding."""
        lines = [f"{self.family}:{self.name}  sha256 {self.sha256}"]
        for mode, found in self.findings.items():
            for one in found:
                lines.append(
                    f"{'ok' if one['ok'] else 'FAILED':<8} {mode:<8} {one['check']:<13} {_shown(one['measured'])}"
                )
        lines += [f"FAILED   {mode:<8} {text}" for mode, text in self.errors.items()]
        return "\n".join(lines) + "\n"


def check(entry: Entry, progress: Progress) -> Report:
    """Boot ``entry`` in every way of keeping time that it knows."""
    entry.verify()
    report = Report(entry.name, entry.manifest.binary_sha256)
    for virtual in (False, True) if abilities(entry).virtual_time else (False,):
        mode = "virtual" if virtual else "real"
        progress(f"booting in {mode} time")
        try:
            report.findings[mode] = prove(partial(run_guest, _machine(entry, virtual)), virtual)
        except NetemuError as error:
            report.errors[mode] = str(error)
    return report


def _machine(entry: Entry, virtual: bool) -> Machine:
    return Machine(
        entry.binary,
        _MEMORY_BYTES,
        virtual=virtual,
        modules=module_files(entry),
        options=options_for(entry.manifest.version),
    )


def prove(boot: Boot, virtual: bool = False) -> list[dict[str, Any]]:
    """What :mod:`~netemu.kernels.check_guest` finds in the guest that ``boot`` starts."""
    findings: list[dict[str, Any]] = []
    argv = ["netemu.kernels.check_guest", *(["virtual"] if virtual else [])]
    begun = time.monotonic()

    def on_message(message: dict[str, Any]) -> None:
        findings.append(message)

    with temporary_directory("netemu-check-") as made:
        guest = boot(argv, made, on_message)
    wall_s = time.monotonic() - begun
    findings.append({"check": "release", "measured": guest.release, "ok": True})
    findings.append({"check": "exit_code", "measured": guest.exit_code, "ok": guest.exit_code == 0})
    findings.append({"check": "wall_s", "measured": round(wall_s, 2), "ok": True})
    if virtual:
        slept = next((one["measured"] for one in findings if one["check"] == "slept_ns"), 0)
        # 100 s of sleep cannot fit into less than that of this machine's time unless time is virtual.
        findings.append({"check": "virtual_time", "measured": slept, "ok": slept > wall_s * 1e9})
    return findings


def _shown(measured: object) -> str:
    return " ".join(map(str, measured)) if isinstance(measured, list) else str(measured)
