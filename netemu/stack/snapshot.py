"""A host's state as plain values by the kernel's field names, for tests, teaching and the curious."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netemu.stack.skbuff import SkbQueue
from netemu.stack.sock import TcpSock, fields_of

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

_PLAIN = (int, str, bool, float, type(None))


def snapshot(net: LinuxStack) -> dict[str, Any]:
    """``sockets``: each socket with a peer and each that listens; ``memory`` in pages; ``counters``."""
    listening = [sk for sockets in net.hashinfo.listeners.values() for sk in sockets]
    connected = [sk for sk in net.hashinfo.ehash.values() if isinstance(sk, TcpSock)]
    return {
        "sockets": [sock_snapshot(sk) for sk in (*listening, *connected)],
        "counters": dict(net.counters()),
        "memory": {"tcp": net.tcp_memory_allocated, "udp": net.udp_memory_allocated},
    }


def sock_snapshot(sk: TcpSock) -> Mapping[str, Any]:
    """The socket's numbers and texts; a queue becomes its segments' (seq, end_seq, truesize)."""
    found: dict[str, Any] = {}
    for name in fields_of(TcpSock):
        value = getattr(sk, name)
        if isinstance(value, _PLAIN):
            found[name] = value
        elif isinstance(value, SkbQueue):
            found[name] = [(skb.seq, skb.end_seq, skb.truesize) for skb in value]
    return found
