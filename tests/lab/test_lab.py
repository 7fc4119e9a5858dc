"""``python -m netemu.lab``: errors leave as one JSON line and the documented exit code."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_directory_without_a_plan_that_can_be_read_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "netemu.lab", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    message = json.loads(done.stdout)
    assert message["error"] == "BadInput"
    assert "plan.json" in message["message"]
