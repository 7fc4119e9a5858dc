"""Arguments that every TCP agent shares, and the sockets made from them.

Every option is read back: a value that the kernel clips (``net.core.wmem_max``) or replaces stops the agent with
the value asked, the value that holds and what limits it.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any

from netemu.agents.args import REQUIRED, Arg
from netemu.agents.session import Session
from netemu.agents.system import Socket
from netemu.errors import BadInput, MissingCapability

MODES = ("blocking", "nonblocking", "timeout")
TCP_FASTOPEN_CONNECT = 30  # which Python's socket module does not know
CLOSINGS = ("wait", "close", "abort", "hold")


def _check_setsockopt(value: list[Any]) -> str | None:
    for item in value:
        if not (isinstance(item, list) and len(item) == 3 and isinstance(item[2], int)):
            return "must hold items [level, option, integer], such as ['SOL_SOCKET', 'SO_PRIORITY', 6]"
        for name in item[:2]:
            if not isinstance(name, int) and not isinstance(getattr(socket, str(name), None), int):
                return f"has {name!r}, which is no constant of Python's socket module; a number is allowed"
    return None


_SOCKET = (
    Arg("family", int, None, "4 or 6; by the address when absent, else 4", choices=(4, 6)),
    Arg("port", int, REQUIRED, "port that servers listen on", low=1, high=65535),
)
CLIENT = (
    *_SOCKET,
    Arg("address", str, REQUIRED, "IP address of the server"),
    Arg("source_address", str, None, "IP address to bind before connecting"),
    Arg("source_port", int, 0, "port to bind before connecting; 0: the kernel chooses", high=65535),
)
SERVER = (
    *_SOCKET,
    Arg("address", str, None, "IP address to listen on; all when absent"),
    Arg("backlog", int, 128, "of listen()", low=0),
)
TCP = (
    Arg("mode", str, "blocking", "blocking; nonblocking: O_NONBLOCK and epoll; timeout: SO_SNDTIMEO", choices=MODES),
    Arg("timeout_ns", int, 1_000_000_000, "SO_SNDTIMEO and SO_RCVTIMEO of mode timeout", low=1000),
    Arg("chunk_bytes", int, 262_144, "bytes asked of one send() or recv()", low=1, high=1 << 26),
    Arg("congestion", str, None, "TCP_CONGESTION"),
    Arg("nodelay", bool, False, "TCP_NODELAY"),
    Arg("cork", bool, False, "TCP_CORK, taken off before the end of the stream"),
    Arg("quickack", bool, None, "TCP_QUICKACK, once, before connect() or listen()"),
    Arg("sndbuf_bytes", int, None, "SO_SNDBUF (the kernel doubles it)", low=1, high=1 << 30),
    Arg("rcvbuf_bytes", int, None, "SO_RCVBUF (the kernel doubles it)", low=1, high=1 << 30),
    Arg("mss_bytes", int, None, "TCP_MAXSEG", low=88, high=32767),
    Arg("keepalive", bool, False, "SO_KEEPALIVE"),
    Arg("keepalive_idle_s", int, None, "TCP_KEEPIDLE", low=1, high=32767),
    Arg("keepalive_interval_s", int, None, "TCP_KEEPINTVL", low=1, high=32767),
    Arg("keepalive_count", int, None, "TCP_KEEPCNT", low=1, high=127),
    Arg("user_timeout_ms", int, None, "TCP_USER_TIMEOUT", low=0),
    Arg("fastopen", bool, False, "TCP_FASTOPEN_CONNECT of clients, TCP_FASTOPEN of servers with their backlog"),
    Arg("linger_s", int, None, "SO_LINGER", low=0, high=32767),
    Arg("close", str, "wait", "how a connection ends, see docs/agents.md", choices=CLOSINGS),
    Arg("setsockopt", list, [], "more options: items [level, option, integer]", check=_check_setsockopt),
)

_BY_NAME = {
    "nodelay": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "cork": (socket.IPPROTO_TCP, socket.TCP_CORK),
    "quickack": (socket.IPPROTO_TCP, socket.TCP_QUICKACK),
    "sndbuf_bytes": (socket.SOL_SOCKET, socket.SO_SNDBUF),
    "rcvbuf_bytes": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "mss_bytes": (socket.IPPROTO_TCP, socket.TCP_MAXSEG),
    "keepalive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "keepalive_idle_s": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "keepalive_interval_s": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    "keepalive_count": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    "user_timeout_ms": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
}
_LIMITS = {"sndbuf_bytes": "net.core.wmem_max", "rcvbuf_bytes": "net.core.rmem_max"}


def check(args: dict[str, Any], place: str) -> None:
    """Refuse addresses that are none or of the wrong family; the ``check`` of programs that need no more."""
    family_of(args, place)
    source = args.get("source_address")
    if source is not None and check_address(source, f"{place}: argument 'source_address'") != family_of(args, place):
        raise BadInput(f"{place}: argument 'source_address': {source!r} is not of the family of 'address'")


def family_of(args: dict[str, Any], place: str) -> int:
    """AF_INET or AF_INET6 by ``family`` or by ``address``; :class:`BadInput` when they contradict."""
    address, family = args["address"], args["family"]
    if address is None:
        return socket.AF_INET6 if family == 6 else socket.AF_INET
    found = check_address(address, f"{place}: argument 'address'")
    if family is not None and (family == 6) != (found == socket.AF_INET6):
        raise BadInput(f"{place}: argument 'address': {address!r} is not of family {family}")
    return found


def check_address(address: str, where: str) -> int:
    """AF_INET or AF_INET6 of a numeric address; :class:`BadInput` when it is neither (names are not resolved)."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address)
        except OSError:
            continue
        return family
    raise BadInput(f"{where}: {address!r} is no IPv4 or IPv6 address")


def set_option(session: Session, sock: Socket, name: str, option: tuple[int, int], value: int | bytes) -> None:
    """``setsockopt`` of ``option`` (level, number) that is logged as ``name``; OSError as the kernel gives it."""
    monotonic_ns = session.system.monotonic_ns
    begin = monotonic_ns()
    sock.setsockopt(*option, value)
    shown = value if isinstance(value, int) else value.hex()
    session.log.add(begin, f"setsockopt {name}", monotonic_ns() - begin, detail={"value": shown})


def apply_options(session: Session, sock: Socket, args: dict[str, Any]) -> None:
    """Set the options of :data:`TCP` on a socket that is not connected yet, and read them back.

    Raises :class:`MissingCapability` for a congestion control that the kernel lacks, :class:`BadInput` for a value
    that it refuses or alters.
    """
    apply_plain_options(session, sock, args)
    if args["congestion"] is not None:
        _set_congestion(session, sock, args["congestion"])
    if args["linger_s"] is not None:
        _linger(session, sock, args["linger_s"])
    if args["mode"] == "timeout":
        seconds, rest = divmod(args["timeout_ns"] // 1000, 1_000_000)
        packed = struct.pack("ll", seconds, rest)
        set_option(session, sock, "SO_SNDTIMEO", (socket.SOL_SOCKET, socket.SO_SNDTIMEO), packed)
        set_option(session, sock, "SO_RCVTIMEO", (socket.SOL_SOCKET, socket.SO_RCVTIMEO), packed)


def apply_plain_options(session: Session, sock: Socket, args: dict[str, Any]) -> None:
    """Those of the options in ``args`` that are one integer (UDP has some of them), and ``setsockopt``."""
    for name, option in _BY_NAME.items():
        value = args.get(name)
        if value is not None and value is not False:
            _set(session, sock, name, option, int(value))
            _read_back(session.place, sock, name, int(value))
    for level, number, value in args["setsockopt"]:
        _set(session, sock, str(number), (_constant(level), _constant(number)), value)


def linger_zero(session: Session, sock: Socket) -> None:
    """Make close() send RST (SO_LINGER with a time of 0)."""
    _linger(session, sock, 0)


def set_fastopen(session: Session, sock: Socket, option: int, value: int) -> None:
    """Ask for Fast Open by ``option``; :class:`BadInput` where net.ipv4.tcp_fastopen or the kernel refuses it."""
    _set(session, sock, "fastopen", (socket.IPPROTO_TCP, option), value)


def _constant(name: str | int) -> int:
    return name if isinstance(name, int) else int(getattr(socket, name))


def _linger(session: Session, sock: Socket, seconds: int) -> None:
    packed = struct.pack("ii", 1, seconds)
    set_option(session, sock, "SO_LINGER", (socket.SOL_SOCKET, socket.SO_LINGER), packed)


def _set(session: Session, sock: Socket, name: str, option: tuple[int, int], value: int) -> None:
    try:
        set_option(session, sock, name, option, value)
    except OSError as error:
        raise BadInput(f"{session.place}: argument {name!r}: the kernel refuses {value}: {error.strerror}") from error


def _read_back(place: str, sock: Socket, name: str, value: int) -> None:
    if name in ("quickack", "mss_bytes"):  # the kernel shows the state of the connection there, not what was set
        return
    got = sock.getsockopt(*_BY_NAME[name])
    wanted = 2 * value if name in _LIMITS else value
    if got != wanted:
        limit = f"; {_LIMITS[name]} and the kernel's minimum bound it" if name in _LIMITS else ""
        raise BadInput(f"{place}: argument {name!r}: asked {wanted} by {value}, the kernel made it {got}{limit}")


def _set_congestion(session: Session, sock: Socket, name: str) -> None:
    try:
        set_option(session, sock, "TCP_CONGESTION", (socket.IPPROTO_TCP, socket.TCP_CONGESTION), name.encode())
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EPERM):
            raise
        available = session.system.congestion_controls()
        raise MissingCapability(
            f"{session.place}: argument 'congestion': {name!r}: {error.strerror}; this kernel has: {available}"
        ) from error
