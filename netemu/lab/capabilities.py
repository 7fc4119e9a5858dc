"""What the kernel of this machine and this user's rights allow, as findings with the command that adds what is missing.

``probe_kernel()`` and ``probe_rights()`` look (in namespaces that end with the probe); ``kernel_findings()`` and
``rights_findings()`` judge, and are pure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

from netemu.errors import MissingCapability

THROWAWAY = Path(__file__).with_name("throwaway.py")
PROBE_SECONDS = 30

Status = Literal["ok", "missing", "unknown"]

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
"""Bits of ``CapEff`` that a lab needs (include/uapi/linux/capability.h)."""

WANTED_TRACEPOINTS = ("tcp:tcp_probe", "tcp:tcp_retransmit_skb", "tcp:tcp_cong_state_set", "sock:inet_sock_set_state")

STOCK_KERNEL = "sudo apt-get install linux-image-{architecture} && sudo reboot   # Debian's own kernel has it"


class Finding(msgspec.Struct, frozen=True):
    """One line of ``netemu doctor``: what was looked at, what it is for, and what would add it.

    ``required``: a run on this machine's kernel is impossible without it. ``remedy`` None: nothing adds it, or
    nothing needs to. ``status`` ``unknown``: this user could not look; ``detail`` says why.
    """

    name: str
    status: Status
    detail: str
    purpose: str
    remedy: str | None = None
    required: bool = False


class KernelFacts(msgspec.Struct, frozen=True):
    """What :mod:`netemu.lab.throwaway` saw; an error's text, or None for what worked.

    ``namespaces`` other than None: the kernel refused the namespaces to look from, and the rest was not looked at.
    """

    as_user: bool
    namespaces: str | None
    sock_diag: str | None
    process_namespace: str | None = None
    veth: str | None = None
    bridge: str | None = None
    qdiscs: dict[str, str | None] = {}
    packet_socket: str | None = None
    tracepoints: tuple[str, ...] = ()
    tracefs: str | None = None

    def has_qdisc(self, name: str) -> bool:
        """Whether qdisc ``name`` could be set on a device."""
        return self.namespaces is None and self.qdiscs.get(name, "not looked at") is None


class Rights(msgspec.Struct, frozen=True):
    """Who asks, of which kernel: user, ``CapEff`` mask, congestion controls, release, ``uname -m``, modules."""

    user_id: int
    capability_mask: int
    congestion_controls: tuple[str, ...]
    kernel_release: str
    machine: str
    modules: frozenset[str] = frozenset()

    @property
    def missing_capabilities(self) -> tuple[str, ...]:
        """Names of the needed capabilities this process lacks."""
        return tuple(name for name, bit in CAPABILITIES.items() if not self.capability_mask >> bit & 1)

    def remedy(self, module: str) -> str:
        """The command that adds what ``module`` provides: load it where this kernel has it, else Debian's kernel."""
        if module in self.modules:
            return f"sudo modprobe {module}"
        return STOCK_KERNEL.format(architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(self.machine, self.machine))


def probe_kernel(timeout_s: int = PROBE_SECONDS) -> KernelFacts:
    """Look at this kernel from throw-away namespaces; :class:`MissingCapability` when the probe itself fails."""
    argv = [sys.executable, "-I", "-S", str(THROWAWAY)]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=timeout_s)
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise MissingCapability(f"{THROWAWAY.name}: the kernel probe ended with {done.returncode}: {last}")
    return msgspec.json.decode(done.stdout, type=KernelFacts)


def probe_rights(proc: Path = Path("/proc"), lib_modules: Path = Path("/lib/modules")) -> Rights:
    """Read this process's rights, the kernel's congestion controls, and which modules it could load."""
    status = (proc / "self/status").read_text().splitlines()
    mask = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    controls = (proc / "sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    release = (proc / "sys/kernel/osrelease").read_text().strip()
    listed = lib_modules / release / "modules.dep"
    paths = [line.partition(":")[0] for line in listed.read_text().splitlines()] if listed.is_file() else []
    modules = frozenset(Path(path).name.partition(".")[0].replace("-", "_") for path in paths)
    return Rights(os.geteuid(), int(mask, 16), tuple(controls), release, os.uname().machine, modules)


def rights_findings(rights: Rights) -> list[Finding]:
    """Kernel, root and congestion controls."""
    lacking = rights.missing_capabilities
    return [
        Finding("kernel", "ok", f"Linux {rights.kernel_release}", "what is studied"),
        Finding(
            "root",
            "missing" if lacking else "ok",
            f"user {rights.user_id} lacks {', '.join(lacking)}" if lacking else f"user {rights.user_id}",
            "namespaces, links and raw sockets of a lab",
            "sudo .venv/bin/netemu ..." if lacking else None,
            required=True,
        ),
        Finding(
            "congestion controls",
            "ok" if "cubic" in rights.congestion_controls else "missing",
            " ".join(rights.congestion_controls),
            "what a sender may use; cubic is the usual default",
            None if "cubic" in rights.congestion_controls else rights.remedy("tcp_cubic"),
        ),
    ]


def _judge(name: str, error: str | None, purpose: str, remedy: str | None, required: bool = False) -> Finding:
    if error is None:
        return Finding(name, "ok", "works", purpose, None, required)
    return Finding(name, "missing", error, purpose, remedy, required)


def kernel_findings(facts: KernelFacts, rights: Rights) -> list[Finding]:
    """Namespaces, links, qdiscs, sockets and tracepoints, each with what it is for."""
    sock_diag = _judge("sock_diag", facts.sock_diag, "sampling of sockets", rights.remedy("tcp_diag"), required=True)
    if facts.namespaces is not None:
        purpose = "hosts, wires and the cage around them"
        if facts.as_user:
            refused = f"could not look without root: {facts.namespaces}"
            return [Finding("namespaces", "unknown", refused, purpose, "sudo .venv/bin/netemu doctor", True), sock_diag]
        remedy = "run in a privileged container or on a machine of your own (docker run --privileged ...)"
        return [Finding("namespaces", "missing", facts.namespaces, purpose, remedy, True), sock_diag]
    whole = "seen from a user namespace" if facts.as_user else "network, mount"
    return [
        Finding("namespaces", "ok", whole, "hosts, wires and the cage around them", None, True),
        _judge("process namespace", facts.process_namespace, "a cage whose end ends every process", None, True),
        _judge("veth", facts.veth, "links", rights.remedy("veth"), True),
        _judge("bridge", facts.bridge, "switches", rights.remedy("bridge")),
        _judge("AF_PACKET", facts.packet_socket, "captures and relay wires", rights.remedy("af_packet"), True),
        sock_diag,
        *_qdisc_findings(facts, rights),
        *_trace_findings(facts, rights),
    ]


def _qdisc_findings(facts: KernelFacts, rights: Rights) -> list[Finding]:
    purposes = {
        "netem": "kernel wires; without it the relay in user space is used",
        "tbf": "rates of kernel wires; without it the relay is used",
        "htb": "rates of plain Mininet links",
        "ingress": "filters on arriving packets",
        "fq": "pacing by the kernel's queue; without it TCP paces itself",
        "fq_codel": "the usual default queue of hosts, as an object of study",
    }
    findings = []
    for name, purpose in purposes.items():
        remedy = rights.remedy(f"sch_{name}")
        findings.append(_judge(f"qdisc {name}", facts.qdiscs.get(name, "was not looked at"), purpose, remedy))
    return findings


def _trace_findings(facts: KernelFacts, rights: Rights) -> list[Finding]:
    purpose = "the kernel's own account of each TCP event"
    if facts.tracefs is not None:
        if facts.as_user:
            detail = f"could not look without root: {facts.tracefs}"
            return [Finding("tracepoints", "unknown", detail, purpose, "sudo .venv/bin/netemu doctor")]
        return [Finding("tracepoints", "missing", facts.tracefs, purpose, rights.remedy("tracefs"))]
    lacking = [name for name in WANTED_TRACEPOINTS if name not in facts.tracepoints]
    tcp = " ".join(name.removeprefix("tcp:") for name in facts.tracepoints if name.startswith("tcp:"))
    if lacking:
        return [Finding("tracepoints", "missing", f"no {', '.join(lacking)}", purpose, rights.remedy("tracefs"))]
    return [Finding("tracepoints", "ok", tcp, purpose)]
