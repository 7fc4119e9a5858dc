"""A lab in a cage that does a bit of everything a run does, for the tests and the benchmark of killing.

``python -m tests.lab.caged_lab [SECONDS]`` runs it: a chain with running wires, a tracing instance, a temporary
directory and a few processes in the hosts, for that long. It prints ``inside`` when all of it is there.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from netemu.lab.cage import current_registry, run_in_cage

ROOT = Path(__file__).resolve().parents[2]


def inside(seconds: float) -> int:
    """The lab itself."""
    from netemu.lab.network import Network
    from netemu.lab.wire import start_wires
    from tests.lab.plans import chain

    registry = current_registry()
    assert registry is not None
    instance = registry.add_instance()
    if instance.parent.is_dir():
        instance.mkdir()
    plan = chain()
    with tempfile.TemporaryDirectory() as directory, Network.build(plan) as network:
        wires = start_wires(network.wire_sites, Path(directory), plan.seed)
        for host in ("h1", "h2"):
            network.namespaces[host].popen(["sleep", "600"])
        print("inside", flush=True)
        time.sleep(seconds)
        wires.kill()
    return 0


def outside(seconds: float) -> int:
    """The outer process."""
    command = [sys.executable, "-m", "tests.lab.caged_lab", "inside", str(seconds)]
    return run_in_cage(command, environment={"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"})


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        sys.exit(inside(float(sys.argv[2])))
    sys.exit(outside(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
