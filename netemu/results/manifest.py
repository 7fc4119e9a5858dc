"""The manifest: everything about a run that is not a measurement, written last."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from netemu import __version__
from netemu.recording.layout import Recording
from netemu.specs import Plan

Validity = Literal["valid", "degraded", "void"]

_PACKAGES = ("scapy", "networkx", "matplotlib", "polars", "numpy", "numba", "msgspec")


def validity_of(execution: Mapping[str, Any]) -> tuple[Validity, list[str]]:
    """The verdict and its reasons from the ``void`` and ``degraded`` lists a kernel left."""
    if execution["void"]:
        return "void", [*execution["void"], *execution["degraded"]]
    if execution["degraded"]:
        return "degraded", list(execution["degraded"])
    return "valid", []


def build_manifest(
    plan: Plan,
    kernel: str,
    execution: Mapping[str, Any],
    *,
    question: str,
    drawing: str,
    source: str | None,
    figures: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The manifest's content; ``source`` is the experiment file the plan came from, None for a stored plan."""
    verdict, reasons = validity_of(execution)
    return {
        "experiment": plan.experiment,
        "question": question,
        "docstring": drawing,
        "source": source,
        "kernel": kernel,
        "seed": plan.seed,
        "parameters": plan.parameters,
        "plan_digest": plan.digest,
        "validity": verdict,
        "reasons": reasons,
        "figures": list(figures),
        "versions": tool_versions(),
        "git": git_state(Path(__file__).resolve().parent),
        **{name: value for name, value in execution.items() if name not in ("void", "degraded")},
        "kernel_details": execution.get("kernel", {}),
    } | {"kernel": kernel}


def write_manifest(recording: Recording, manifest: Mapping[str, Any]) -> None:
    """Write ``manifest.json``, keys sorted."""
    recording.manifest.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def tool_versions() -> dict[str, str]:
    """Versions of netemu, Python, the libraries that shape a result, and Debian's Mininet."""
    found = {"netemu": __version__, "python": platform.python_version()}
    for name in (*_PACKAGES, "mininet"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_state(directory: Path) -> dict[str, Any] | None:
    """The commit netemu runs from and whether the tree differs from it; None outside a checkout."""
    try:
        commit = subprocess.run(
            ["git", "-C", str(directory), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        status = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(directory), "status", "--porcelain"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    if commit.returncode != 0:
        return None
    return {"commit": commit.stdout.strip(), "dirty": bool(status.stdout.strip())}
