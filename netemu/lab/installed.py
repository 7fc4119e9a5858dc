"""The programs, Python packages and resources of this machine, as findings beside the kernel's.

Looking (``probe_*``) and judging (``*_findings``) are apart, so that the judgement can be tested with any machine.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from netemu.lab.capabilities import Finding

MINIMUM_PYTHON = (3, 11)
MINIMUM_FREE_BYTES = 1 << 30
SYSTEM_PATH = "/usr/sbin:/sbin"

# Program: (Debian package, what it is for, a lab needs it).
TOOLS: dict[str, tuple[str, str, bool]] = {
    "unshare": ("util-linux", "the cage around a lab", True),
    "setpriv": ("util-linux", "ends the cage with its owner", True),
    "ip": ("iproute2", "this command's look at the kernel; shells in hosts", True),
    "tc": ("iproute2", "wires of netem", True),
    "mnexec": ("mininet", "Mininet's shells in hosts (`network.mininet.get('h1').cmd(...)`)", False),
    "modprobe": ("kmod", "kernel modules, where the kernel has any", False),
    "ethtool": ("ethtool", "offloads read back in another way (tests)", False),
    "brctl": ("bridge-utils", "plain Mininet's switches, to compare with (benchmarks)", False),
    "sysctl": ("procps", "plain Mininet's limits, to compare with (benchmarks)", False),
    "tcpdump": ("tcpdump", "an independent capture to compare with (tests)", False),
    "tshark": ("tshark", "an independent analysis to compare with (tests)", False),
    "tcptrace": ("tcptrace", "an independent analysis to compare with (tests)", False),
}


def find_tool(name: str) -> str | None:
    """The path of a program, looked for where root's programs are as well."""
    return shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + SYSTEM_PATH)


def tool_findings(paths: dict[str, str | None]) -> list[Finding]:
    """One finding per program of :data:`TOOLS`, given where each was found."""
    findings = []
    for name, (package, purpose, required) in TOOLS.items():
        path = paths.get(name)
        if path is None:
            remedy = f"sudo apt-get install --no-install-recommends {package}"
            findings.append(Finding(name, "missing", "not found", purpose, remedy, required))
        else:
            findings.append(Finding(name, "ok", path, purpose, None, required))
    return findings


def probe_tools() -> dict[str, str | None]:
    """Where each program of :data:`TOOLS` is."""
    return {name: find_tool(name) for name in TOOLS}


def python_findings() -> list[Finding]:
    """The interpreter, Debian's Mininet in it, and each package within the bounds of setup.cfg."""
    version = ".".join(map(str, sys.version_info[:3]))
    new_enough = sys.version_info >= MINIMUM_PYTHON
    mininet = importlib.util.find_spec("mininet") is not None
    findings = [
        Finding(
            "Python",
            "ok" if new_enough else "missing",
            f"{version} ({sys.executable})",
            "3.11 or newer",
            None if new_enough else "sudo apt-get install python3 python3-venv",
            True,
        ),
        Finding(
            "mininet",
            "ok" if mininet else "missing",
            _version("mininet") or ("there" if mininet else f"not importable by {sys.executable}"),
            "hosts, routers and switches",
            None if mininet else "make setup   # Debian's mininet, seen by a .venv of /usr/bin/python3",
            True,
        ),
    ]
    if _version("netemu") is None:
        detail = f"netemu is not installed in {sys.executable}, so its requirements are not known"
        return [*findings, Finding("Python packages", "missing", detail, "analysis and lab", "make setup", True)]
    return findings + requirement_findings({name: _version(name) for name in requirements()})


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def requirements() -> dict[str, str]:
    """Package -> version bounds, as setup.cfg had them when netemu was installed (development tools left out)."""
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in importlib.metadata.requires("netemu") or []]
    return {need.name: str(need.specifier) for need in wanted if need.marker is None}


def requirement_findings(versions: dict[str, str | None]) -> list[Finding]:
    """One finding per required Python package, given the versions that are installed."""
    from packaging.specifiers import SpecifierSet

    findings = []
    for name, bounds in requirements().items():
        version = versions.get(name)
        fits = version is not None and SpecifierSet(bounds).contains(version, prereleases=True)
        findings.append(
            Finding(
                f"Python package {name}",
                "ok" if fits else "missing",
                version or "not installed",
                f"bounds {bounds}",
                None if fits else "make setup",
                True,
            )
        )
    return findings


def resource_findings(results: Path) -> list[Finding]:
    """Cores, disk space where results go, KVM. ``results`` need not exist yet."""
    place = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    enough = free >= MINIMUM_FREE_BYTES
    kvm = Path("/dev/kvm")
    openable = os.access(kvm, os.R_OK | os.W_OK)
    cores = len(os.sched_getaffinity(0))
    return [
        Finding("cores", "ok", str(cores), "hosts, wires and captures run side by side; two or more are better"),
        Finding(
            "disk space",
            "ok" if enough else "missing",
            f"{free / 1e9:.1f} GB free in {place}",
            "captures and tables; 1 GiB at least",
            None if enough else "netemu run --out DIR   # on another disk",
            True,
        ),
        Finding(
            "/dev/kvm",
            "ok" if openable else "missing",
            "present" if openable else "present, but not for this user" if kvm.exists() else "not there",
            "fast virtual machines (--kernel vm:VERSION), where a kernel boots on it; they are emulated elsewhere",
        ),
    ]
