"""What the models leave out, found in a script before it runs: such a script is not applicable, never passed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.packetdrill.syntax import (
    Call,
    Either,
    Expression,
    Function,
    IcmpPacket,
    Items,
    OtherPacket,
    Script,
    Struct,
    TcpPacket,
    Word,
)

_OPTIONS = {"md5": "TCP MD5 signatures"}
_SYMBOLS = (
    ("TCP_MD5SIG", "TCP MD5 signatures"),
    ("TCP_AO", "TCP AO signatures"),
    ("IPPROTO_MPTCP", "Multipath TCP"),
    ("MSG_ZEROCOPY", "zero-copy sending"),
    ("SO_ZEROCOPY", "zero-copy sending"),
    ("SO_EE_ORIGIN_ZEROCOPY", "zero-copy sending"),
    ("TCP_ZEROCOPY", "zero-copy receiving"),
    ("SO_TIMESTAMPING", "time stamps of sending (SO_TIMESTAMPING)"),
    ("SOF_TIMESTAMPING", "time stamps of sending (SO_TIMESTAMPING)"),
    ("SCM_TIMESTAMPING", "time stamps of sending (SO_TIMESTAMPING)"),
    ("MSG_ERRQUEUE", "the queue of errors (MSG_ERRQUEUE)"),
    ("TCP_TX_DELAY", "TCP_TX_DELAY"),
    ("SO_ATTACH_FILTER", "socket filters"),
    ("SO_MARK", "SO_MARK"),
)
_CALLS = {
    "splice": "splice()",
    "pipe": "splice()",
    "sendfile": "sendfile()",
    "open": "files",
    "cap_set": "capabilities of a process",
    "psp_rx_assoc": "PSP",
    "psp_tx_assoc": "PSP",
}


def out_of_scope(script: Script) -> str | None:
    """The first thing in ``script`` that the models leave out; None: nothing."""
    for event in script.events:
        action = event.action
        reason = None
        if isinstance(action, OtherPacket):
            reason = action.what
        elif isinstance(action, TcpPacket):
            reason = _packet(action)
        elif isinstance(action, Call):
            reason = _CALLS.get(action.name) or _symbols(action)
        if reason is None and isinstance(action, TcpPacket | IcmpPacket) and action.ip.flow_label is not None:
            reason = "IPv6 flow labels"
        if reason is not None:
            return reason
    return None


def _packet(packet: TcpPacket) -> str | None:
    for name, _ in packet.options or ():
        if name in _OPTIONS:
            return _OPTIONS[name]
    return None


def _symbols(call: Call) -> str | None:
    for name in _names(Items((*call.args, call.result))):
        for prefix, reason in _SYMBOLS:
            if name.startswith(prefix):
                return reason
    return None


def _names(expression: Expression) -> Iterator[str]:
    if isinstance(expression, Word):
        yield expression.name
    elif isinstance(expression, Either):
        yield from _names(expression.left)
        yield from _names(expression.right)
    elif isinstance(expression, Items):
        for value in expression.values:
            yield from _names(value)
    elif isinstance(expression, Struct):
        for _, value in expression.fields:
            yield from _names(value)
    elif isinstance(expression, Function):
        for value in expression.args:
            yield from _names(value)
