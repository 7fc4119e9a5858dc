"""Congestion control plugs in behind the kernel's own member names (struct tcp_congestion_ops, include/net/tcp.h).

A control is one object for all sockets; what it keeps of one socket is ``sk.icsk_ca_priv``, made by ``ca_priv``. It
derives from :class:`TcpCongestionOps`, whose members do what the kernel does where a control has none, and gives at
least ``ssthresh``, ``undo_cwnd`` and one of ``cong_avoid`` and ``cong_control``. Others' controls come by the
entry-point group ``netemu.congestion``: the entry's name is the control's, its value such a class or object.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol, cast

from mypy_extensions import mypyc_attr

from netemu.errors import BadInput
from netemu.stack import plug_ins

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

CA_EVENT_TX_START, CA_EVENT_CWND_RESTART, CA_EVENT_COMPLETE_CWR = "tx_start", "cwnd_restart", "complete_cwr"
CA_EVENT_LOSS, CA_EVENT_ECN_NO_CE, CA_EVENT_ECN_IS_CE = "loss", "ecn_no_ce", "ecn_is_ce"
"""enum tcp_ca_event."""

CA_ACK_SLOWPATH, CA_ACK_WIN_UPDATE, CA_ACK_ECE = 1, 2, 4
"""enum tcp_ca_ack_event_flags: ``flags`` of ``in_ack_event``."""

TCP_CA_NAME_MAX = 16
GROUP = "netemu.congestion"
_KIND = "congestion control"


@mypyc_attr(acyclic=True)
class RateSample:
    """``struct rate_sample``: what one ACK delivered, over which time. Times in us, amounts in segments."""

    prior_mstamp: int = 0
    prior_delivered: int = 0
    prior_delivered_ce: int = 0
    delivered: int = 0
    delivered_ce: int = 0
    interval_us: int = 0
    snd_interval_us: int = 0
    rcv_interval_us: int = 0
    rtt_us: int = -1
    losses: int = 0
    acked_sacked: int = 0
    prior_in_flight: int = 0
    last_end_seq: int = 0
    is_app_limited: bool = False
    is_retrans: bool = False
    is_ack_delayed: bool = False


@mypyc_attr(acyclic=True)
class AckSample:
    """``struct ack_sample``: of one ACK, for ``pkts_acked``."""

    __slots__ = ("in_flight", "pkts_acked", "rtt_us")

    def __init__(self, pkts_acked: int, rtt_us: int, in_flight: int) -> None:
        self.pkts_acked, self.rtt_us, self.in_flight = pkts_acked, rtt_us, in_flight


class CongestionOps(Protocol):
    """Members as in the kernel. ``name``: TCP_CONGESTION's; ``needs_ecn``; ``has_cong_control``: it sets window and
    pacing itself, instead of ``cong_avoid``."""

    name: str
    needs_ecn: bool
    has_cong_control: bool

    def ca_priv(self) -> object: ...
    def init(self, sk: TcpSock) -> None: ...
    def release(self, sk: TcpSock) -> None: ...
    def ssthresh(self, sk: TcpSock) -> int: ...
    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None: ...
    def set_state(self, sk: TcpSock, new_state: int) -> None: ...
    def cwnd_event(self, sk: TcpSock, event: str) -> None: ...
    def in_ack_event(self, sk: TcpSock, flags: int) -> None: ...
    def pkts_acked(self, sk: TcpSock, sample: AckSample) -> None: ...
    def undo_cwnd(self, sk: TcpSock) -> int: ...
    def cong_control(self, sk: TcpSock, ack: int, flag: int, rs: RateSample) -> None: ...
    def sndbuf_expand(self, sk: TcpSock) -> int: ...
    def min_tso_segs(self, sk: TcpSock) -> int: ...


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpCongestionOps:
    """What the kernel does where a control lacks a member; the base of all controls."""

    name = ""
    needs_ecn = False
    has_cong_control = False

    def ca_priv(self) -> object:
        """What the control keeps of one socket, before ``init``: the kernel's zeroed ``icsk_ca_priv``.

        Members are called on it while the connection is being made: a SYN can be lost and acknowledged, too.
        """
        return None

    def init(self, sk: TcpSock) -> None:
        """The connection is established, or changes to this control: begin ``sk.icsk_ca_priv``."""

    def release(self, sk: TcpSock) -> None:
        """The socket ends, or takes another control."""

    def ssthresh(self, sk: TcpSock) -> int:
        """The slow-start threshold after a loss, segments. Required."""
        raise NotImplementedError(f"{self.name}: ssthresh")

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """An ACK of ``acked`` segments up to ``ack`` arrived: grow ``snd_cwnd``. Required without ``cong_control``."""
        raise NotImplementedError(f"{self.name}: cong_avoid")

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        """``icsk_ca_state`` is about to become ``new_state``."""

    def cwnd_event(self, sk: TcpSock, event: str) -> None:
        """A CA_EVENT_* happened."""

    def in_ack_event(self, sk: TcpSock, flags: int) -> None:
        """An ACK arrived (CA_ACK_*), before it is looked at."""

    def pkts_acked(self, sk: TcpSock, sample: AckSample) -> None:
        """Segments were acknowledged, with an RTT of ``sample.rtt_us`` or -1."""

    def undo_cwnd(self, sk: TcpSock) -> int:
        """The window after a loss that was none, segments. Required."""
        raise NotImplementedError(f"{self.name}: undo_cwnd")

    def cong_control(self, sk: TcpSock, ack: int, flag: int, rs: RateSample) -> None:
        """Set window and ``sk_pacing_rate``; called instead of cong_avoid and PRR when ``has_cong_control``."""
        raise NotImplementedError(f"{self.name}: cong_control")

    def sndbuf_expand(self, sk: TcpSock) -> int:
        """How many windows the send buffer is to hold (tcp_input.c, tcp_sndbuf_expand)."""
        return 2

    def min_tso_segs(self, sk: TcpSock) -> int:
        """The least segments of one burst (tcp_output.c, tcp_tso_segs)."""
        return sk.net.sysctl.tcp_min_tso_segs


_registered: dict[str, CongestionOps] = {}
_untried: dict[str, str] = {}
"""Plug-ins that nobody has asked for yet: name -> place."""


def tcp_validate_congestion_control(ops: object, place: str) -> CongestionOps:
    """``ops`` if it keeps the contract of net/ipv4/tcp_cong.c; BadInput naming ``place`` and what is wrong if not."""
    name = getattr(ops, "name", None)
    if not isinstance(name, str) or not 0 < len(name) < TCP_CA_NAME_MAX or not name.isascii():
        raise BadInput(
            f"congestion control {place}: name is {name!r}; give it 1 to {TCP_CA_NAME_MAX - 1} ASCII characters"
        )
    for member in _MEMBERS:
        if not callable(getattr(ops, member, None)):
            raise BadInput(f"congestion control {name!r} ({place}): no {member}(); derive from TcpCongestionOps")
    for flag in ("needs_ecn", "has_cong_control"):
        if not isinstance(getattr(ops, flag, None), bool):
            raise BadInput(f"congestion control {name!r} ({place}): {flag} must be True or False")
    driver = "cong_control" if ops.has_cong_control else "cong_avoid"  # type: ignore[attr-defined]
    for member in ("ssthresh", "undo_cwnd", driver):
        if getattr(type(ops), member, None) is getattr(TcpCongestionOps, member):
            raise BadInput(f"congestion control {name!r} ({place}): it must define {member}()")
    return cast(CongestionOps, ops)


_MEMBERS = (
    "ca_priv", "init", "release", "ssthresh", "cong_avoid", "set_state", "cwnd_event", "in_ack_event", "pkts_acked",
    "undo_cwnd", "cong_control", "sndbuf_expand", "min_tso_segs",
)  # fmt: skip


def tcp_register_congestion_control(ops: object, place: str = "registered by a program") -> CongestionOps:
    """Make a control known by its name; BadInput when it breaks the contract or the name is taken."""
    valid = tcp_validate_congestion_control(ops, place)
    if valid.name in _registered:
        raise BadInput(f"congestion control {valid.name!r} ({place}): the name is taken; choose another")
    _registered[valid.name] = valid
    return valid


def tcp_ca_find(name: str) -> CongestionOps | None:
    """The control of that name, plug-ins included; None when there is none.

    :raises BadInput: a plug-in breaks the contract; all of it is tried the first time that a plug-in is asked for.
    """
    _load()
    if name in _untried:
        plug_ins.try_congestion_control(_registered[name], _untried[name])
        del _untried[name]
    return _registered.get(name)


def tcp_available_congestion_control() -> tuple[str, ...]:
    """Names of all controls (``net.ipv4.tcp_available_congestion_control``)."""
    _load()
    return tuple(_registered)


@cache
def _load() -> None:
    """Register netemu's own controls and the plug-ins, once."""
    from netemu.stack import tcp_bbr, tcp_bic, tcp_cubic, tcp_reno

    for own in (tcp_reno.tcp_reno, tcp_cubic.cubictcp, tcp_bbr.tcp_bbr_cong_ops, tcp_bic.bictcp):
        if own.name not in _registered:
            tcp_register_congestion_control(own, "netemu")
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        load_plug_in(entry)


def load_plug_in(entry: EntryPoint) -> None:
    """Register what an entry point names; BadInput when it cannot be loaded or has not the form of a control."""
    place = f"entry point {entry.name} = {entry.value}"
    ops = plug_ins.made(plug_ins.load_plug_in(_KIND, entry), plug_ins.place_of(_KIND, entry))
    name = tcp_validate_congestion_control(ops, place).name
    if name != entry.name:
        raise BadInput(f"{_KIND} {place}: its name is {name!r}; name the entry point so")
    tcp_register_congestion_control(ops, place)
    _untried[name] = place
