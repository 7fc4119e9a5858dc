"""Sysctls by the names that sysctl(8) gives them, onto the fields of :class:`netemu.stack.sysctl.Sysctl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from netemu.errors import BadInput, MissingCapability
from netemu.stack import cong
from netemu.stack.sysctl import Sysctl

_RENAMED = {
    "net.ipv4.route.min_pmtu": "min_pmtu",
    "net.ipv4.route.mtu_expires": "mtu_expires",
    "net.ipv4.route.min_adv_mss": "min_adv_mss",
    "net.ipv6.conf.all.forwarding": "ipv6_forwarding",
    "net.ipv6.route.mtu_expires": "ip6_mtu_expires",
    "net.ipv6.icmp.ratelimit": "icmpv6_ratelimit",
    "net.ipv6.bindv6only": "ipv6_bindv6only",
    "net.ipv6.ip6frag_time": "ip6frag_time",
    "net.ipv4.tcp_invalid_ratelimit": "tcp_invalid_ratelimit_ms",
}
_QUIET = {
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.addr_gen_mode": "1",
    "net.ipv6.conf.default.autoconf": "0",
    "net.ipv6.conf.default.dad_transmits": "0",
    "net.ipv6.conf.default.router_solicitations": "0",
}
"""What the lab sets so that a kernel is as quiet as a model always is: this value and no other."""


def _field_of(name: str) -> str | None:
    if name in _RENAMED:
        return _RENAMED[name]
    for prefix, front in (("net.ipv4.", ""), ("net.core.", "core_")):
        if name.startswith(prefix):
            return front + name.removeprefix(prefix)
    return None


_TYPES = {field.name: str(field.type) for field in fields(Sysctl)}


def set_sysctl(sysctl: Sysctl, name: str, text: str, place: str) -> None:
    """Set the sysctl ``name`` (``net.ipv4.tcp_rmem``) to ``text`` as written to its file.

    :raises MissingCapability: a name that this stack has not.
    :raises BadInput: a text that is no value of it.
    """
    field = _field_of(name)
    if field not in _TYPES:
        if _QUIET.get(name) == text.strip():
            return
        raise MissingCapability(f"{place}: sysctl {name}: this model has no such sysctl; a real kernel may have it")
    if field == "tcp_ecn" and text.strip() in ("3", "4", "5"):
        raise MissingCapability(f"{place}: sysctl {name}={text.strip()}: Accurate ECN is not modelled; 0, 1 and 2 are")
    sysctl_type = _TYPES[field]
    value = _parse(sysctl_type, name, text, place)
    if field == "tcp_congestion_control" and cong.tcp_ca_find(str(value)) is None:
        there = ", ".join(cong.tcp_available_congestion_control())
        raise MissingCapability(
            f"{place}: sysctl {name}={text.strip()}: models have {there}, and plug-ins (docs/stack.md)"
        )
    setattr(sysctl, field, value)


def apply_sysctls(sysctl: Sysctl, settings: Mapping[str, str], place: str) -> None:
    """:func:`set_sysctl` for each of ``settings``, in their order."""
    for name, text in settings.items():
        set_sysctl(sysctl, name, text, place)


def _parse(kind: str, name: str, text: str, place: str) -> object:
    words = text.split()
    if kind == "str":
        if len(words) != 1:
            raise BadInput(f"{place}: sysctl {name}: {text!r} is not one word")
        return words[0]
    wanted = kind.count("int") if kind.startswith("tuple") else 1
    try:
        numbers = [int(word, 0) for word in words]
    except ValueError as error:
        raise BadInput(f"{place}: sysctl {name}: {text!r} holds something other than integers") from error
    if len(numbers) != wanted:
        raise BadInput(f"{place}: sysctl {name}: {text!r} must hold {wanted} integer(s)")
    if kind == "bool":
        return bool(numbers[0])
    return tuple(numbers) if wanted > 1 else numbers[0]
