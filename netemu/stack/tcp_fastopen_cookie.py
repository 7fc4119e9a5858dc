"""Fast Open's cookies: a hash over both addresses, under a key that the host or a listener has (tcp_fastopen.c).

Linux has made them by SipHash since 5.3 (c681edae33e8), by AES before; here all eras do by SipHash, so that only the
bytes of an old era's cookie are another's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netemu.packet.bytes import packed
from netemu.stack.siphash import siphash

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

TCP_FASTOPEN_KEY_BYTES, TCP_FASTOPEN_COOKIE_SIZE = 16, 8
Keys = tuple[bytes, ...]
"""One or two keys of 16 bytes: the first makes cookies, both are good for checking them."""

_KEY = r"[0-9a-f]{1,8}(?:-[0-9a-f]{1,8}){3}"
_SYSCTL = re.compile(rf"{_KEY}(?:,{_KEY})?", re.ASCII | re.IGNORECASE)


def keys_of_sysctl(text: str) -> Keys | None:
    """The keys that net.ipv4.tcp_fastopen_key holds: four 32-bit words each; None where it is no such text."""
    if not _SYSCTL.fullmatch(text):
        return None
    return tuple(b"".join(int(word, 16).to_bytes(4, "little") for word in key.split("-")) for key in text.split(","))


def tcp_fastopen_init_key_once(net: LinuxStack) -> None:
    """Give the host a key of its own, unless it has one."""
    if net.tcp_fastopen_keys is None:
        net.tcp_fastopen_keys = keys_of_sysctl(net.sysctl.tcp_fastopen_key) or (
            net.random.keyed("fastopen", 0).to_bytes(8, "little")
            + net.random.keyed("fastopen", 1).to_bytes(8, "little"),
        )


def tcp_fastopen_get_ctx(sk: TcpSock) -> Keys:
    """The keys that a listener's cookies are made with; none where nobody asked for Fast Open."""
    if sk.tfo.keys is not None:
        return sk.tfo.keys
    if sk.net.tcp_fastopen_keys is None and sk.net.sysctl.tcp_fastopen_key:
        tcp_fastopen_init_key_once(sk.net)
    return sk.net.tcp_fastopen_keys or ()


def cookie_of(syn: Packet, key: bytes) -> bytes:
    """The cookie for whoever sent ``syn``."""
    return siphash(packed(syn.source) + packed(syn.destination), key).to_bytes(TCP_FASTOPEN_COOKIE_SIZE, "little")


def tcp_fastopen_cookie_gen(sk: TcpSock, syn: Packet) -> bytes | None:
    """A cookie to be sent; None without a key."""
    keys = tcp_fastopen_get_ctx(sk)
    return cookie_of(syn, keys[0]) if keys else None


def tcp_fastopen_cookie_gen_check(sk: TcpSock, syn: Packet, cookie: bytes) -> tuple[int, bytes | None]:
    """Which key made ``cookie`` (1, 2; 0: none), and the cookie that the first one makes."""
    keys = tcp_fastopen_get_ctx(sk)
    made = [cookie_of(syn, key) for key in keys]
    return made.index(cookie) + 1 if cookie in made else 0, made[0] if made else None
