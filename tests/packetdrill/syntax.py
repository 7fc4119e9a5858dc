"""A parsed script: events in order, each with its time and what happens then. Times are in ns of the script."""

from __future__ import annotations

from dataclasses import dataclass, field

# ---- expressions of system calls


@dataclass(frozen=True)
class Word:
    """A symbol such as ``SOCK_STREAM``."""

    name: str


@dataclass(frozen=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True)
class Dots:
    """``...``: whatever fits."""


@dataclass(frozen=True)
class Either:
    """``left | right``."""

    left: Expression
    right: Expression


@dataclass(frozen=True)
class Items:
    """``[a, b]`` or ``{a, b}``."""

    values: tuple[Expression, ...]


@dataclass(frozen=True)
class Struct:
    """``{name=value, ...}``; ``msg_iov(1)=`` is the name ``msg_iov``."""

    fields: tuple[tuple[str, Expression], ...]

    def get(self, name: str) -> Expression | None:
        """A field's value."""
        return dict(self.fields).get(name)


@dataclass(frozen=True)
class Function:
    """``htons(8080)``, ``inet_addr("192.0.2.1")``."""

    name: str
    args: tuple[Expression, ...]


Expression = int | Word | Text | Dots | Either | Items | Struct | Function


# ---- packets

Option = tuple[str, tuple[int, ...]]
"""A TCP option: its word (``mss``, ``nop``, ``eol``, ``wscale``, ``sackOK``, ``sack``, ``TS``, and those that are not
spoken here) and its numbers; the blocks of ``sack`` one after the other, ``TS`` as (val, ecr)."""


@dataclass(frozen=True)
class IpInfo:
    """What a packet says of its IP header. ``ecn`` None: anything; -1: ECT(0) or ECT(1)."""

    ecn: int | None = None
    tos: int | None = None
    ttl: int | None = None
    flow_label: int | None = None


@dataclass(frozen=True)
class TcpPacket:
    """``window`` None: not checked. ``options`` None: not checked. ``flags``: letters of the script."""

    inbound: bool
    ip: IpInfo
    ports: tuple[int, int]
    flags: str
    seq: int
    length: int
    ack: int
    window: int | None
    urgent: int
    options: tuple[Option, ...] | None


@dataclass(frozen=True)
class IcmpPacket:
    """``mtu`` -1: none. ``quoted``: first sequence number and payload of the segment it speaks of."""

    inbound: bool
    ip: IpInfo
    type: str
    code: str | None
    mtu: int
    quoted: tuple[int, int]


@dataclass(frozen=True)
class OtherPacket:
    """A packet that this interpreter does not speak: ``what`` it is."""

    inbound: bool
    what: str


# ---- events


@dataclass(frozen=True)
class Call:
    """A system call. ``end_ns``: when it returns if it blocks, counted as the event's time; None: it does not.

    ``error``: the errno's symbol, or empty.
    """

    name: str
    args: tuple[Expression, ...]
    result: Expression
    error: str
    end_ns: int | None


@dataclass(frozen=True)
class Shell:
    """A command for the shell."""

    text: str


@dataclass(frozen=True)
class Code:
    """Python over tcp_info."""

    text: str


@dataclass(frozen=True)
class When:
    """``relative``: to the event before. ``any_time``: ``*``. ``end_ns``: of a range, None without one."""

    ns: int
    end_ns: int | None = None
    relative: bool = False
    any_time: bool = False


@dataclass(frozen=True)
class Event:
    """Something at a time; ``line`` of the script, from 1."""

    line: int
    when: When
    action: TcpPacket | IcmpPacket | OtherPacket | Call | Shell | Code


@dataclass(frozen=True)
class Script:
    """``options``: of ``--name=value`` lines, in order. ``init``: the command before the first event."""

    options: tuple[tuple[str, str], ...] = ()
    init: str | None = None
    events: tuple[Event, ...] = field(default=())
