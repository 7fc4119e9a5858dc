"""``netemu doctor``: what this machine can do, what each thing is for, and the command that adds what is missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.lab.capabilities import Finding

POSSIBLE, IMPOSSIBLE = 0, 3
_GUESTS_NEED = ("Python", "disk space", "tc")
"""How the names of required findings begin that guests require as well; the others are this machine's kernel's."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``doctor`` to the command's parsers."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what this machine can do, and the command that adds what is missing",
        description="Look at this machine and say what it can do. Exit code 0: experiments can run here; 3: not.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="where results will go")
    parser.set_defaults(run=run)


def examine(results: Path) -> list[Finding]:
    """Look at everything: rights, kernel, programs, Python packages, resources, guests."""
    from netemu.kernels import findings as guests
    from netemu.kernels import vm_tools
    from netemu.lab import capabilities, installed

    rights = capabilities.probe_rights()
    return [
        *capabilities.rights_findings(rights),
        *capabilities.kernel_findings(capabilities.probe_kernel(), rights),
        *installed.tool_findings(installed.probe_tools()),
        *installed.python_findings(),
        *installed.resource_findings(results),
        *guests.findings(),
        *vm_tools.findings(),
    ]


def obstacles(findings: list[Finding]) -> list[Finding]:
    """What stands between this machine and a run: required, and not known to be there."""
    return [finding for finding in findings if finding.required and finding.status != "ok"]


def guests_can_run(findings: list[Finding]) -> bool:
    """Whether experiments can run in guests here (``--kernel uml:VERSION``)."""
    from netemu.kernels import findings as guests

    return guests.guests_can_run(findings) and models_can_run(findings)


def models_can_run(findings: list[Finding]) -> bool:
    """Whether experiments can run on models here (``--kernel model:PROFILE``)."""
    return not [finding for finding in obstacles(findings) if finding.name.startswith(_GUESTS_NEED)]


def to_text(findings: list[Finding]) -> str:
    """One line per finding, the remedy on a line below, and the verdict last."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.status:<8} {finding.name:<{width}}  {finding.detail}  ({finding.purpose})")
        if finding.remedy is not None:
            lines.append(f"{'':<8} {'':<{width}}  -> {finding.remedy}")
    missing = obstacles(findings)
    if missing:
        names = ", ".join(finding.name for finding in missing)
        if guests_can_run(findings):
            lines.append(f"Experiments cannot run on this machine's kernel: {names}.")
            lines.append(
                "They can run in guests, without root: netemu run EXPERIMENT --kernel 'uml:VERSION?time=virtual'"
            )
        else:
            lines.append(f"Experiments cannot run here: {names}. Analysis, figures and topologies work.")
            lines += _without_root(findings)
    else:
        lines.append("Experiments can run here.")
    return "\n".join(lines) + "\n"


def _without_root(findings: list[Finding]) -> list[str]:
    """What can be run all the same, or once little is added."""
    from netemu.kernels import findings as guests

    if not models_can_run(findings):
        return []
    lacking = ", ".join(guests.guests_lack(findings))
    return [
        "On models they can, without root: netemu run EXPERIMENT --kernel model:linux-7",
        f"In guests too, once there is what they need (above): {lacking}.",
    ]


def to_json(findings: list[Finding]) -> str:
    """``{"lab": ..., "guests": ..., "findings": [...]}``: whether runs are possible on this kernel, and in guests."""
    import msgspec

    answer = {
        "lab": not obstacles(findings),
        "guests": guests_can_run(findings),
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }
    return json.dumps(answer, indent=2) + "\n"


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 where experiments can run, be it in guests alone, 3 elsewhere."""
    findings = examine(args.out)
    sys.stdout.write(to_json(findings) if args.json else to_text(findings))
    return POSSIBLE if not obstacles(findings) or guests_can_run(findings) else IMPOSSIBLE
