"""Sysctls of a node: what keeps it quiet and forwarding, and what the plan asks for on top; written, never assumed."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.lab.namespace import Namespace, sysctl_path
from netemu.specs import NodeSpec

_IPV6 = Path("/proc/sys/net/ipv6")
_BRIDGE = Path("/proc/sys/net/bridge")

# Read back and recorded: of the first kind, values that a namespace shares with the whole machine.
GLOBAL_SYSCTLS = ("net.core.rmem_default", "net.core.rmem_max", "net.core.wmem_default", "net.core.wmem_max")
RECORDED_SYSCTLS = (
    *GLOBAL_SYSCTLS,
    "net.core.optmem_max",
    "net.core.somaxconn",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_no_pmtu_disc",
    "net.ipv4.tcp_available_congestion_control",
    "net.ipv4.tcp_allowed_congestion_control",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_dsack",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_recovery",
    "net.ipv4.tcp_early_retrans",
    "net.ipv4.tcp_frto",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv4.tcp_no_metrics_save",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_moderate_rcvbuf",
    "net.ipv4.tcp_shrink_window",
    "net.ipv4.tcp_limit_output_bytes",
    "net.ipv4.tcp_min_tso_segs",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_retries2",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.icmp_ratemask",
    "net.ipv4.icmp_msgs_per_sec",
)

# IPv6 otherwise speaks on its own as soon as an interface is up: link-local addresses with duplicate address
# detection, router solicitations, and multicast listener reports drawn out over a second
# (their interval is kept in jiffies: 20 ms is a whole number of them at any CONFIG_HZ).
_QUIET_IPV6 = (
    ("accept_ra", "0"),
    ("autoconf", "0"),
    ("addr_gen_mode", "1"),
    ("dad_transmits", "0"),
    ("accept_dad", "0"),
    ("router_solicitations", "0"),
    ("mldv1_unsolicited_report_interval", "20"),
    ("mldv2_unsolicited_report_interval", "20"),
)
_NO_BRIDGE_NETFILTER = tuple(
    (f"net.bridge.bridge-nf-call-{family}", "0") for family in ("iptables", "ip6tables", "arptables")
)


def lab_sysctls(role: str, *, ipv6: bool) -> tuple[tuple[str, str], ...]:
    """What the lab itself sets in a namespace of ``role`` (host, router, switch, wire) before it has interfaces.

    ``rp_filter`` is set because IPv4 settings are inherited from the machine, and some distributions filter.
    """
    settings = list(_NO_BRIDGE_NETFILTER)
    if role in ("switch", "wire") or not ipv6:
        settings.append(("net.ipv6.conf.default.disable_ipv6", "1"))
    else:
        settings += [(f"net.ipv6.conf.default.{name}", value) for name, value in _QUIET_IPV6]
    if role in ("host", "router"):
        settings += [("net.ipv4.conf.all.rp_filter", "0"), ("net.ipv4.conf.default.rp_filter", "0")]
    if role == "router":
        settings.append(("net.ipv4.ip_forward", "1"))
        if ipv6:
            settings.append(("net.ipv6.conf.all.forwarding", "1"))
    return tuple(settings)


def present(settings: Sequence[tuple[str, str]], *, ipv6: bool) -> list[tuple[str, str]]:
    """``settings`` without those of a part that this kernel does not have at all, so that there is nothing to turn off.

    Raises :class:`MissingCapability` if ``ipv6`` is needed and missing.
    """
    if ipv6 and not _IPV6.is_dir():
        raise MissingCapability("the plan has IPv6 addresses, and this kernel has no IPv6: use IPv4 or another kernel")
    missing = tuple(prefix for prefix, path in (("net.ipv6.", _IPV6), ("net.bridge.", _BRIDGE)) if not path.is_dir())
    return [(name, value) for name, value in settings if not name.startswith(missing)] if missing else list(settings)


def write_sysctls(settings: Sequence[tuple[str, str]], node: str) -> None:
    """Write ``settings`` in the namespace in which the calling thread is.

    Raises
    ------
    BadInput
        The kernel refuses a value, or a name is not under ``net`` (it would change the whole machine).
    MissingCapability
        This kernel has no such sysctl in a network namespace, or does not let it be written there.
    """
    for name, value in settings:
        if not name.replace("/", ".").startswith("net.") or ".." in name:
            raise BadInput(f"node {node}: sysctl {name}: only net.* belongs to a node; this would change the machine")
        try:
            opened = os.open(sysctl_path(name), os.O_WRONLY)
            try:
                os.write(opened, value.encode())
            finally:
                os.close(opened)
        except OSError as error:
            raise _refusal(node, name, value, error) from error


def _refusal(node: str, name: str, value: str, error: OSError) -> BadInput | MissingCapability:
    place = f"node {node}: sysctl {name}={value!r}"
    if error.errno in (errno.EINVAL, errno.ERANGE):
        return BadInput(f"{place}: the kernel refuses the value: {error.strerror}")
    if error.errno == errno.ENOENT and name.startswith("net.ipv4.tcp_congestion_control"):
        return MissingCapability(f"{place}: this congestion control may not be set in a namespace; set it per socket")
    if error.errno == errno.ENOENT:
        return MissingCapability(
            f"{place}: no network namespace of this kernel has it: remove it or use another kernel"
        )
    return MissingCapability(f"{place}: cannot be written inside a network namespace: {error.strerror}")


def split_by_interface(node: NodeSpec, interfaces: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The plan's sysctls of ``node``: those for any time, and those that name one of its ``interfaces``."""
    named = {
        name: value
        for name, value in node.sysctls.items()
        if any(part in interfaces for part in name.replace("/", ".").split("."))
    }
    return {name: value for name, value in node.sysctls.items() if name not in named}, named


def read_sysctls(namespace: Namespace, names: Sequence[str]) -> Mapping[str, str]:
    """The values of those of ``names`` that this kernel has, runs of white space made one space."""
    found = {}
    with namespace.entered():
        for name in names:
            path = sysctl_path(name)
            if path.exists():
                found[name] = " ".join(path.read_text().split())
    return found
