"""Run a rig, a module of this directory, in namespaces of its own that end with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 150


def run_caged(module: str, directory: Path, settings: Mapping[str, object]) -> dict[str, Any]:
    """``python -m module directory/spec.json``, the file holding ``settings`` and the directory; what it printed."""
    spec = directory / "spec.json"
    spec.write_text(json.dumps({**settings, "directory": str(directory)}))
    words = [
        "unshare",
        "-nmp",
        "--fork",
        "--kill-child=SIGKILL",
        "--mount-proc",
        sys.executable,
        "-m",
        module,
        str(spec),
    ]
    done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result
