"""Captures made by hand: a handshake and what follows, with numbers and clocks of one's choice."""

from __future__ import annotations

import struct
from pathlib import Path

from netemu.packet.tcp import ACK, SYN
from netemu.recording import pcapng

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 5001)
MS = 1_000_000


def timestamps(val: int, ecr: int) -> bytes:
    """NOP, NOP and the timestamp option."""
    return b"\1\1\x08\x0a" + struct.pack("!II", val, ecr)


def frame(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    *,
    payload: int = 0,
    window: int = 502,
    options: bytes = b"",
) -> bytes:
    """An Ethernet frame with a TCP segment over IPv4, checksums left out."""
    tcp = struct.pack(
        "!HHIIBBHHH",
        source[1],
        destination[1],
        seq % 2**32,
        ack % 2**32,
        (20 + len(options)) // 4 << 4,
        flags,
        window,
        0,
        0,
    )
    body = tcp + options + bytes(payload)
    addresses = bytes(map(int, f"{source[0]}.{destination[0]}".split(".")))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, 6, 0) + addresses
    return bytes(12) + b"\x08\x00" + ip + body


class Capture:
    """The capture of the client's interface, written packet by packet."""

    def __init__(
        self, *, isn: tuple[int, int] = (1000, 2000), ticks: tuple[int, int] = (500, 900), port: int = 40000
    ) -> None:
        self.isn, self.ticks, self.client = isn, ticks, ("10.0.0.1", port)
        self._blocks = [pcapng.section_header("test"), pcapng.interface_description("h1-eth0", "", 160)]

    def sent(self, t_ns: int, seq: int, ack: int, flags: int = ACK, **more: object) -> None:
        """A segment of the client's, with relative numbers; ``tick`` and ``echo`` in ms from each side's first."""
        self._add(t_ns, True, seq, ack, flags, more)

    def arrived(self, t_ns: int, seq: int, ack: int, flags: int = ACK, **more: object) -> None:
        """A segment of the server's."""
        self._add(t_ns, False, seq, ack, flags, more)

    def _add(  # noqa: PLR0917
        self, t_ns: int, out: bool, seq: int, ack: int, flags: int, more: dict[str, object]
    ) -> None:
        mine, other = (0, 1) if out else (1, 0)
        ends = (self.client, SERVER) if out else (SERVER, self.client)
        tick, echo = more.pop("tick", t_ns // MS), more.pop("echo", 0)
        assert isinstance(tick, int)
        assert isinstance(echo, int)
        options = timestamps(self.ticks[mine] + tick, self.ticks[other] + echo if flags & ACK else 0)
        number = self.isn[other] + ack if flags & ACK else 0
        data = frame(*ends, self.isn[mine] + seq, number, flags, options=options, **more)  # type: ignore[arg-type]
        direction = pcapng.DIRECTION_OUT if out else pcapng.DIRECTION_IN
        self._blocks.append(pcapng.packet(t_ns, len(data), direction, data[:160]))

    def write(self, path: Path) -> Path:
        """The file."""
        path.write_bytes(b"".join(self._blocks))
        return path


def handshake(capture: Capture) -> None:
    """Three segments; the answer comes after 40 ms."""
    capture.sent(0, 0, 0, SYN, window=64240)
    capture.arrived(40 * MS, 0, 1, SYN | ACK, window=65160, tick=0)
    capture.sent(40 * MS, 1, 1)


def transfer(capture: Capture, segments: int = 6, *, skip: tuple[int, ...] = ()) -> Capture:
    """A handshake and data, each segment acknowledged 40 ms later."""
    handshake(capture)
    for number in range(segments):
        if number not in skip:
            capture.sent((50 + number) * MS, 1 + 1000 * number, 1, payload=1000)
    for number in range(segments):
        capture.arrived((90 + number) * MS, 1, 1 + 1000 * (number + 1), tick=50 + number, echo=50 + number)
    return capture
