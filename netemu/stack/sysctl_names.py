"""Sysctls by the names that sysctl(8) gives them, onto the fields of :class:`netemu.stack.sysctl.Sysctl`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from netemu.errors import BadInput, MissingCapability
from netemu.stack import cong
from netemu.stack.eras_sysctl import SINCE
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_fastopen_cookie import keys_of_sysctl

if TYPE_CHECKING:
    from netemu.stack.profile import Profile

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
_KEY = "net.ipv4.tcp_fastopen_key"
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


_DEFAULTS = {field.name: field.default for field in fields(Sysctl)}


def lacks(lacking: Collection[str], name: str) -> bool:
    """Whether the sysctl ``name`` is one of ``lacking``, the fields that an era has not (Profile.sysctls_lacking)."""
    return _field_of(name) in lacking


def set_sysctl(sysctl: Sysctl, name: str, text: str, place: str, profile: Profile | None = None) -> None:
    """Set the sysctl ``name`` (``net.ipv4.tcp_rmem``) to ``text`` as written to its file.

    ``profile``: the era, which may lack sysctls that others have.

    :raises MissingCapability: a name that this stack, or its era, has not.
    :raises BadInput: a text that is no value of it.
    """
    field = _field_of(name)
    if field not in _DEFAULTS:
        if _QUIET.get(name) == text.strip():
            return
        raise MissingCapability(f"{place}: sysctl {name}: this model has no such sysctl; a real kernel may have it")
    if profile is not None and lacks(profile.sysctls_lacking, name):
        since = f": it came with Linux {SINCE[field]}" if field in SINCE else ""
        raise MissingCapability(f"{place}: sysctl {name}: {profile.name} has no such sysctl{since}")
    lacking = profile.sysctls_lacking if profile is not None else ()
    if field == "tcp_ecn" and text.strip() in ("3", "4", "5") and "tcp_ecn_option" in lacking:
        raise MissingCapability(f"{place}: sysctl {name}={text.strip()}: no Accurate ECN in that era; 0, 1 and 2 are")
    value = _parse(_DEFAULTS[field], name, text, place)
    if name == _KEY and keys_of_sysctl(str(value)) is None:
        raise BadInput(
            f"{place}: sysctl {name}: {text!r} is no key of four 32-bit words as 1-2-a-b, nor two with a comma"
        )
    if field == "tcp_congestion_control" and cong.tcp_ca_find(str(value)) is None:
        there = ", ".join(cong.tcp_available_congestion_control())
        raise MissingCapability(
            f"{place}: sysctl {name}={text.strip()}: models have {there}, and plug-ins (docs/stack.md)"
        )
    setattr(sysctl, field, value)


def apply_sysctls(sysctl: Sysctl, settings: Mapping[str, str], place: str, profile: Profile | None = None) -> None:
    """:func:`set_sysctl` for each of ``settings``, in their order."""
    for name, text in settings.items():
        set_sysctl(sysctl, name, text, place, profile)


def read_sysctls(sysctl: Sysctl, profile: Profile) -> dict[str, str]:
    """Every sysctl that the era has, by its name, as text as its file holds it."""
    names = [field for field in _DEFAULTS if field not in profile.sysctls_lacking]
    found = {_name_of(field): _written(getattr(sysctl, field)) for field in names}
    return {name: text for name, text in found.items() if text}  # no key of Fast Open is none, not one of zeros


def _name_of(field: str) -> str:
    if field in _NAMED:
        return _NAMED[field]
    return f"net.core.{field.removeprefix('core_')}" if field.startswith("core_") else f"net.ipv4.{field}"


_NAMED = {field: name for name, field in _RENAMED.items()}


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(int(value)) if isinstance(value, int) else str(value)


def _parse(default: object, name: str, text: str, place: str) -> object:
    """A value of the kind of ``default``: one word, one integer, a truth value as an integer, or several integers."""
    words = text.split()
    if isinstance(default, str):
        if len(words) != 1:
            raise BadInput(f"{place}: sysctl {name}: {text!r} is not one word")
        return words[0]
    wanted = len(default) if isinstance(default, tuple) else 1
    try:
        numbers = [int(word, 0) for word in words]
    except ValueError as error:
        raise BadInput(f"{place}: sysctl {name}: {text!r} holds something other than integers") from error
    if len(numbers) != wanted:
        raise BadInput(f"{place}: sysctl {name}: {text!r} must hold {wanted} integer(s)")
    if isinstance(default, bool):
        return bool(numbers[0])
    return tuple(numbers) if wanted > 1 else numbers[0]
