"""Outlives netemu, to end what netemu started and remove what it left: ``uml_guard.py JSON``, run by its path.

``{"argv": [...] or null, "trees": [[path, inode], ...], "writable": [...] or null, "processor": number or null}``.
The guard runs ``argv`` as its child and ends with that child's exit code (128 + signal). Standard input is netemu's end
of a pipe: when it is closed, in whatever way netemu ended, the child ends too. Every process below the child becomes
the guard's when its parent dies, so none is left; then the trees go, unless they have been renamed or made anew. An
inode of null stands for a tree that netemu makes later. Where ``writable`` is a list, the child can write below those
places alone (Landlock, where the machine's kernel has it); where there is a ``processor``, the child runs on that one
alone. Standard library only: it starts in 15 ms.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import struct
import sys

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
# include/uapi/linux/landlock.h: since which version of Landlock, and the right's bit. Reading and executing stay free.
_WRITING = ((1, 1 << 1), *((1, 1 << bit) for bit in range(4, 13)), (2, 1 << 13), (3, 1 << 14))
_OF_FILES = 1 << 1 | 1 << 14
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Which version of Landlock this kernel has; 0: none."""
    version: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(version, 0)


def confine(writable: list[str]) -> None:
    """Let this process and its children write below ``writable`` alone, whatever else they may do (landlock(7))."""
    version = landlock_version()
    if version == 0:
        return
    rights = sum(right for since, right in _WRITING if since <= version)
    attributes = struct.pack("=Q", rights)
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    failed = ruleset < 0
    for place in writable:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        allowed = rights if os.path.isdir(place) else rights & _OF_FILES  # noqa: PTH112 - as above
        rule = struct.pack("=Qi", allowed, descriptor)
        failed |= _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) != 0
        os.close(descriptor)
    failed |= _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
    failed |= _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0
    if failed:
        raise OSError(ctypes.get_errno(), "Landlock: " + os.strerror(ctypes.get_errno()))
    os.close(ruleset)


def start(argv: list[str], writable: list[str] | None, processor: int | None) -> int:
    """Run ``argv``; it is killed when the guard dies."""
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(127)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        if processor is not None:
            os.sched_setaffinity(0, {processor})
        if writable is not None:
            confine(writable)
        os.execv(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def children() -> list[int]:
    """The process ids of this process's children."""
    me, found = os.getpid(), []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs time that a killed run's leftovers live on
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:  # noqa: PTH123
                    # The second field, the program's name in brackets, may hold anything.
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == me:
                found.append(int(name))
    return found


def end_all() -> None:
    """Kill and reap until no descendant is left; orphans come to this process one generation after the other."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def attend(child: int | None) -> int:
    """Wait for the child's end or for netemu's; the exit code."""
    wakeup, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(wakeup, select.POLLIN)
    while True:
        while child is not None:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 127
            if pid == 0:
                break
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code
        ready = dict(poll.poll())
        if wakeup in ready:
            os.read(wakeup, 512)
        if 0 in ready and not os.read(0, 512):
            return 128 + signal.SIGKILL


def remove(trees: list[list[object]]) -> None:
    """Remove each directory that is still the one that was named."""
    for path, inode in trees:
        try:
            same = inode in (None, os.lstat(str(path)).st_ino)
        except FileNotFoundError:
            continue
        if same:
            shutil.rmtree(str(path), ignore_errors=True)


def main() -> int:
    """Attend, then clean up."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    spec = json.loads(sys.argv[1])
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = None if spec["argv"] is None else start(spec["argv"], spec.get("writable"), spec.get("processor"))
    code = attend(child)
    end_all()
    remove(spec["trees"])
    return code


if __name__ == "__main__":
    os._exit(main())
