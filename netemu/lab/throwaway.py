"""Look at the kernel from inside namespaces that end with this process: ``python -I -S throwaway.py`` prints JSON.

Standard library only, run by its path as a process of its own, so that nothing it makes can outlive it. As an
ordinary user it looks from inside a user namespace of its own, where the kernel allows one.

The printed object is what :class:`netemu.lab.capabilities.KernelFacts` holds.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
MS_REC, MS_PRIVATE = 0x4000, 0x4_0000
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR = 2

QDISCS: dict[str, tuple[str, ...]] = {
    "netem": ("root", "netem", "delay", "1ms"),
    "tbf": ("root", "tbf", "rate", "1mbit", "burst", "10kb", "limit", "100kb"),
    "htb": ("root", "htb"),
    "fq": ("root", "fq"),
    "fq_codel": ("root", "fq_codel"),
    "ingress": ("ingress",),
}
TRACEPOINT_GROUPS = ("tcp", "sock", "skb", "qdisc")

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *args: object) -> None:
    if getattr(_libc, function)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


def enter_namespaces(as_user: bool) -> str | None:
    """Enter new network and mount namespaces; the error's text where that fails."""
    uid, gid = os.getuid(), os.getgid()
    try:
        if as_user:
            _call("unshare", CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        _call("unshare", CLONE_NEWNET | CLONE_NEWNS)
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as error:
        return error.strerror
    return None


def process_namespace_error() -> str | None:
    """Whether children may have a process namespace; the last thing to ask, since none is started afterwards."""
    try:
        _call("unshare", CLONE_NEWPID)
    except OSError as error:
        return error.strerror
    return None


def command_error(*argv: str) -> str | None:
    """Why a command failed, in the last line it wrote; None when it succeeded."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": path, "LC_ALL": "C"})
    except FileNotFoundError:
        return f"{argv[0]} is not installed"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"{argv[0]} ended with {done.returncode}"])[-1]


def qdisc_errors() -> dict[str, str | None]:
    """Each qdisc set on this namespace's loopback, one after the other."""
    errors = {}
    for name, arguments in QDISCS.items():
        errors[name] = command_error("tc", "qdisc", "add", "dev", "lo", *arguments)
        if errors[name] is None:
            command_error("tc", "qdisc", "del", "dev", "lo", arguments[0])
    return errors


def packet_socket_error() -> str | None:
    """Whether a raw AF_PACKET socket can be opened here."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError as error:
        return error.strerror
    return None


def sock_diag_error() -> str | None:
    """Whether the kernel answers a dump of IPv4 TCP sockets (``struct inet_diag_req_v2``, sock_diag(7))."""
    request = struct.pack("=BBBxI48s", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFF_FFFF, b"")
    header = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as channel:
            channel.settimeout(2)
            channel.send(header + request)
            answer = channel.recv(65536)
    except OSError as error:
        return error.strerror
    _, kind, _, _, _ = struct.unpack_from("=IHHII", answer)
    status = struct.unpack_from("=i", answer, 16)[0] if kind == NLMSG_ERROR else 0
    return os.strerror(-status) if status else None


def tracepoints() -> tuple[list[str], str | None]:
    """The tracepoints ``group:name`` of the groups of interest, and why they could not be listed, if so."""
    root = Path("/sys/kernel/tracing")
    try:
        if not (root / "events").is_dir():
            _call("mount", b"tracefs", bytes(root), b"tracefs", 0, None)
        found = [f"{group}:{p.name}" for group in TRACEPOINT_GROUPS for p in (root / "events" / group).glob("*/")]
    except OSError as error:
        return [], error.strerror
    return sorted(found), None if found else "tracefs has no events here"


def main() -> int:
    """Print one JSON object; what could not be looked at because the namespaces were refused is null."""
    as_user = os.geteuid() != 0
    refused = enter_namespaces(as_user)
    facts: dict[str, object] = {"as_user": as_user, "namespaces": refused, "sock_diag": sock_diag_error()}
    if refused is None:
        facts["veth"] = command_error("ip", "link", "add", "name", "veth-a", "type", "veth", "peer", "name", "veth-b")
        facts["bridge"] = command_error("ip", "link", "add", "name", "bridge", "type", "bridge")
        facts["qdiscs"] = qdisc_errors()
        facts["packet_socket"] = packet_socket_error()
        facts["tracepoints"], facts["tracefs"] = tracepoints()
        facts["process_namespace"] = process_namespace_error()
    json.dump(facts, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
