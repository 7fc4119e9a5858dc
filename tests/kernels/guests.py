"""Programs that run inside guests, as ``python -m tests.kernels.guests NAME``: each does one thing a test asks for."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

RECORDING = Path("/run/netemu/recording")


def say(**message: object) -> None:
    """A line for the host."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def hello() -> int:
    say(
        hello=[
            os.getuid(),
            sorted(os.environ),
            sorted(path.name for path in Path("/sys/class/net").iterdir()),
            sys.argv[2:],
        ]
    )
    return 7


def write_everywhere() -> int:
    refused = []
    for place in sys.argv[2:]:
        try:
            Path(place, "netemu-was-here").write_text("x")
        except OSError as error:
            refused.append([place, error.strerror])
    say(refused=refused)
    return 0


def mount_and_write() -> int:
    """Write to the host's directory ``argv[2]`` as a program that is root in the guest can: by a mount of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = Path("/run/netemu/scratch/host")
    place.mkdir()
    mounted = libc.mount(b"host", bytes(place), b"hostfs", 0, sys.argv[2].encode())
    remounted = libc.mount(b"none", b"/", None, 32, None)  # MS_REMOUNT, no longer read-only
    refused = []
    for target in (place, Path(sys.argv[2])):
        try:
            (target / "netemu-was-here").write_text("x")
        except OSError as error:
            refused.append(error.strerror)
    say(mounted=mounted, remounted=remounted, refused=refused)
    return 0


def spin() -> int:
    say(spinning=True)
    while True:
        pass


def sleep() -> int:
    say(sleeping=True)
    time.sleep(float(sys.argv[2]))
    return 0


def devour() -> int:
    if "panic" in sys.argv:
        Path("/proc/sys/vm/panic_on_oom").write_text("1")
    held = []
    while True:
        held.append(b"x" * (1 << 20))


def fault() -> int:
    raise RuntimeError("a fault of the guest's")


def random() -> int:
    say(random=os.getrandom(16).hex(), now=time.time_ns())
    return 0


def perturbed_lab() -> int:
    """The lab, after clock readings and random numbers that another interpreter might have wanted."""
    import runpy

    for _ in range(1000):
        time.monotonic_ns()
        os.getrandom(8)
    sys.argv = ["netemu.lab", str(RECORDING)]
    runpy.run_module("netemu.lab", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(globals()[sys.argv[1]]())
