"""Process 1 of a guest: mounts, loopback, the work, the heartbeat, power off.

The host copies this file, below a ``#!`` line, to the control directory. With User-Mode Linux that is the process's
working directory: ``/proc/self/cwd/`` of the guest's kernel, whatever the directory's name, so nothing that differs
from run to run stands on the kernel's command line. A virtual machine sees it under its own name on the host.
Standard library only, and as little of that as possible: every file opened costs.

``work.json`` in the control directory says what to do::

    {"argv": [...], "path": [...], "environment": {...}, "modules": [...], "heartbeat_s": 1.0,
     "timer_slack_ns": 1, "reseed": true}

Each line that this file prints is a JSON object: ``{"up": kernel release, ...}``, ``{"beat": seconds}``, and at the end
``{"exit": code}``; the work's own lines come in between.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import time

CONTROL = "/run/netemu/control"
RECORDING = "/run/netemu/recording"
SCRATCH = "/run/netemu/scratch"
REGISTRY = "/run/netemu-guest.jsonl"
"""Where a lab writes down what outlives it (netemu.lab.registry). Nothing outlives a guest."""

UML_CONTROL = "/proc/self/cwd"
"""The control directory as the kernel of User-Mode Linux sees it."""

SHARE = "netemu-recording"
"""The tag under which a virtual machine is offered the run's directory."""

_READ_ONLY, _BIND = 1, 4096
_SHARED = "trans=virtio,version=9p2000.L,access=any,msize=262144"
_SYSTEM = (
    ("proc", "/proc", "proc", "", 0),
    ("sysfs", "/sys", "sysfs", "", 0),
    ("devtmpfs", "/dev", "devtmpfs", "", 0),
    ("tmpfs", "/run", "tmpfs", "mode=755", 0),
    ("scratch", SCRATCH, "tmpfs", "mode=1777", 0),
    ("tmpfs", "/dev/shm", "tmpfs", "mode=1777", 0),
    ("devpts", "/dev/pts", "devpts", "", 0),
    ("tracefs", "/sys/kernel/tracing", "tracefs", "", 0),
)
_UML = (
    ("control", CONTROL, "hostfs", UML_CONTROL, _READ_ONLY),
    ("recording", RECORDING, "hostfs", UML_CONTROL + "/recording", 0),
)
_MADE_IN = ("/run/", "/dev/")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_RB_POWER_OFF = 0x4321FEDC
_FINIT_MODULE = 313
_PR_SET_TIMERSLACK = 29
_RNDRESEEDCRNG = 0x5207
_CLONE_NEWNET = 0x40000000
_TCSBRK = 0x5409
_NO_FALLBACK_TUNNELS = "/proc/sys/net/core/fb_tunnels_only_for_init_net"

libc = ctypes.CDLL(None, use_errno=True)


def say(message: dict[str, object]) -> None:
    """Print one line for the host, as a whole: other processes print too."""
    os.write(1, json.dumps(message).encode() + b"\n")


def mounts(control: str) -> list[tuple[str, str, str, str, int]]:
    """What is mounted, in this order; ``control``: where the control directory is before anything is."""
    shared = _UML
    if control != UML_CONTROL:
        shared = ((control, CONTROL, "none", "", _BIND), (SHARE, RECORDING, "9p", _SHARED, 0))
    runs = next(number for number, mount in enumerate(_SYSTEM) if mount[1] == "/run") + 1
    return [*_SYSTEM[:runs], *shared, *_SYSTEM[runs:]]


def mount_all(control: str) -> None:
    """Make the guest a Linux system around the host's files, which stay read-only.

    sysfs shows the network namespace in which it is mounted, so that one is made as soon as there is /proc.
    """
    for source, target, kind, data, flags in mounts(control):
        if target.startswith(_MADE_IN):
            os.makedirs(target, exist_ok=True)  # noqa: PTH103
        if kind == "sysfs":
            empty_network()
        if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0 and kind != "tracefs":
            error = os.strerror(ctypes.get_errno())
            raise OSError(f"mount {kind} on {target}: {error}")


def empty_network() -> None:
    """A network namespace with a loopback and nothing else: drivers leave dummy0, ifb0 or tunl0 in the first."""
    with open(_NO_FALLBACK_TUNNELS, "wb") as sysctl:  # noqa: PTH123
        sysctl.write(b"1")
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(f"unshare: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def load_modules(paths: list[str]) -> None:
    """Load the files in their order; one that the kernel has already is no error."""
    for path in paths:
        with open(path, "rb") as module:  # noqa: PTH123 - pathlib costs an import in the guest
            libc.syscall(_FINIT_MODULE, module.fileno(), b"", 0)


def start(work: dict[str, object]) -> int:
    """Run ``python -m <module> <arguments>`` in a child of this interpreter, without starting another one."""
    pid = os.fork()
    if pid:
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        os.environ.clear()
        os.environ.update(work["environment"])  # type: ignore[call-overload]
        sys.path[:] = [*work["path"], *sys.path[1:]]  # type: ignore[misc]
        sys.argv = list(work["argv"])  # type: ignore[call-overload]
        import runpy

        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return 0


def attend(child: int, heartbeat_s: float) -> int:
    """Reap until the work has ended, telling the host each ``heartbeat_s`` that time goes on; its exit code."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(read_end, select.POLLIN)
    while True:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 70
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code
            if pid == 0:
                break
        if poll.poll(heartbeat_s * 1000):
            os.read(read_end, 512)
        else:
            say({"beat": time.monotonic()})


def main() -> None:
    """Everything, and then the power goes off: process 1 never returns."""
    code = 70
    control = os.path.dirname(sys.argv[0])  # noqa: PTH120
    try:
        mount_all(control)
        if control == UML_CONTROL:
            say({"up": os.uname().release})
        else:
            with open("/proc/cmdline") as file:  # noqa: PTH123
                say({"up": os.uname().release, "command_line": file.read().strip()})
        with open(CONTROL + "/work.json", "rb") as file:  # noqa: PTH123
            work = json.load(file)
        os.close(os.open(REGISTRY, os.O_CREAT | os.O_WRONLY, 0o600))
        load_modules(work["modules"])
        if work["reseed"]:
            with open("/dev/urandom", "rb") as device:  # noqa: PTH123
                fcntl.ioctl(device, _RNDRESEEDCRNG)
        libc.prctl(_PR_SET_TIMERSLACK, work["timer_slack_ns"], 0, 0, 0)
        os.chdir(SCRATCH)
        code = attend(start(work), work["heartbeat_s"])
    except BaseException as error:
        say({"fault": f"{type(error).__name__}: {error}"})
    say({"exit": code})
    os.sync()
    if control != UML_CONTROL:
        # A serial line takes its time: what it still holds when the power goes off is lost.
        fcntl.ioctl(1, _TCSBRK, 1)
    libc.reboot(_RB_POWER_OFF)


if __name__ == "__main__":
    main()
