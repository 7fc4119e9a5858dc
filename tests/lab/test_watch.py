"""A watched run's half-made directory is removed however the run ends, and a finished one stays."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.lab.watch import Watch

PROGRAM = """
import sys, time
from pathlib import Path
from netemu.lab.watch import Watch
watch = Watch()
root = Path(sys.argv[1])
watch.registry.add_tree(root)
root.mkdir()
print(watch.process.pid, watch.registry.run_id, flush=True)
time.sleep(60)
"""


@pytest.mark.lab
def test_a_directory_that_was_finished_stays_and_a_half_made_one_goes(tmp_path: Path) -> None:
    with Watch() as watch:
        for name in ("half", "whole.partial"):
            watch.registry.add_tree(tmp_path / name)
            (tmp_path / name).mkdir()
        (tmp_path / "whole.partial").rename(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    assert not watch.registry.path.exists()
    assert watch.process.returncode == 0


@pytest.mark.lab
def test_what_is_registered_goes_when_the_process_is_killed(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "half")], stdout=subprocess.PIPE)
    assert run.stdout is not None
    janitor = os.pidfd_open(int(run.stdout.readline().split()[0]))
    assert (tmp_path / "half").is_dir()
    run.kill()
    run.communicate()
    assert select.select([janitor], [], [], 2.0)[0], "the janitor still runs"
    os.close(janitor)
    assert not (tmp_path / "half").exists()


@pytest.mark.lab
def test_a_killed_janitors_work_is_done_at_the_end(tmp_path: Path) -> None:
    with Watch() as watch:
        watch.registry.add_tree(tmp_path / "half")
        (tmp_path / "half").mkdir()
        watch.process.send_signal(signal.SIGKILL)
        watch.process.wait()
    assert not (tmp_path / "half").exists()
    assert not watch.registry.path.exists()


def test_an_ordinary_user_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingCapability, match="sudo"):
        Watch()
