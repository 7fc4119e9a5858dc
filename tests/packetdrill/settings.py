"""A script's ``--options``: addresses, ports, tolerances. Defaults are packetdrill's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from tests.packetdrill.verdict import NotApplicable, ScriptError

_COOKIES = {"TFO_COOKIE": "3021b9d889017eeb", "TFO_COOKIE_ZERO": "b7c12350a90dc8f5"}
_COOKIES_V6 = {"TFO_COOKIE": "c1d1e9742a47a9bc", "TFO_COOKIE_ZERO": "82af1a8f9a205c34"}
"""Under the keys a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4 and 0-0-0-0."""

VERSIONS = ("ipv4", "ipv6", "ipv4-mapped-ipv6")


@dataclass(frozen=True)
class Settings:
    """``version``: one of :data:`VERSIONS`. ``tolerance_percent``: of the time since the event before. ``mss_bytes``:
    payload of the segments that a longer packet which arrives was put together from; 0: it is one."""

    version: str = "ipv4"
    tolerance_ns: int = 4_000_000
    tolerance_percent: float = 12.5
    mtu_bytes: int = 0
    mss_bytes: int = 0
    bind_port: int = 8080
    connect_port: int = 8080
    local: str = ""
    remote: str = ""
    ts_ecr_scaled: bool = False
    ts_tick_ns: int = 0
    strict_segments: bool = False
    super_segments: bool = True

    @property
    def ipv6(self) -> bool:
        """Whether packets are IPv6."""
        return self.version == "ipv6"

    @property
    def family_ipv6(self) -> bool:
        """Whether sockets are AF_INET6."""
        return self.version != "ipv4"

    @property
    def local_address(self) -> str:
        """The host under test."""
        return self.local or ("fd3d:a0b:17d6::1" if self.ipv6 else "192.168.0.1")

    @property
    def remote_address(self) -> str:
        """The peer, which the script plays."""
        return self.remote or ("fd3d:fa7b:d17d::1" if self.ipv6 else "192.0.2.1")

    @property
    def mtu(self) -> int:
        """Of the device; IPv6's longer header leaves the same MSS."""
        return self.mtu_bytes or (1520 if self.ipv6 else 1500)

    @property
    def defines(self) -> dict[str, str]:
        """Symbols that those who run packetdrill give it: Fast Open's cookies between the two default addresses."""
        return _COOKIES_V6 if self.ipv6 else _COOKIES

    def for_socket(self, address: str) -> str:
        """An address as a socket of the script names it."""
        return f"::ffff:{address}" if self.version == "ipv4-mapped-ipv6" else address


_IGNORED = ("define", "verbose", "debug", "non_fatal", "speed", "init_scripts", "gateway_ip", "netmask_ip")


def settings(options: tuple[tuple[str, str], ...], base: Settings) -> Settings:
    """``base`` with what the script's ``options`` say; the IP version that a script names wins.

    :raises NotApplicable: an option that is not known here.
    :raises ScriptError: a value that is none.
    """
    for name, value in options:
        if name in _IGNORED:
            continue
        try:
            base = replace(base, **_change(name, value))  # type: ignore[arg-type]  # each by its field's name
        except ValueError as error:
            raise ScriptError(1, f"option --{name}={value}: {error}") from error
    return base


_CHANGES: dict[str, Callable[[str], dict[str, object]]] = {
    "tolerance_usecs": lambda value: {"tolerance_ns": int(value) * 1000},
    "tolerance_percent": lambda value: {"tolerance_percent": float(value)},
    "mtu": lambda value: {"mtu_bytes": int(value)},
    "mss": lambda value: {"mss_bytes": int(value)},
    "bind_port": lambda value: {"bind_port": int(value)},
    "connect_port": lambda value: {"connect_port": int(value)},
    "local_ip": lambda value: {"local": str(ip_address(value.partition("/")[0]))},
    "remote_ip": lambda value: {"remote": str(ip_address(value.partition("/")[0]))},
    "tcp_ts_ecr_scaled": lambda _: {"ts_ecr_scaled": True},
    "tcp_ts_tick_usecs": lambda value: {"ts_tick_ns": int(value) * 1000},
    "strict_segments": lambda _: {"strict_segments": True},
}


def _change(name: str, value: str) -> dict[str, object]:
    if name == "ip_version" and value in VERSIONS:
        return {"version": value}
    if name not in _CHANGES:
        raise NotApplicable(f"option --{name}={value}")
    return _CHANGES[name](value)
