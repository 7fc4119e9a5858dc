"""A conversation with one host: what it is sent, packet by packet, and what it answers.

Sequence numbers are relative: the host's stream and the peer's both begin at 1, as a capture shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netemu.packet.ip import NO_OPTIONS, Options, Packet, Tcp
from netemu.packet.tcp import ACK, SYN, flag_names
from netemu.stack.eras import PROFILES
from netemu.stack.events import Complete, Deadline, Received, Resume, SystemCall, Transmit, Wake
from netemu.stack.host import Interface, make_host
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack

HOST, PEER = "10.0.0.1", "10.0.0.2"
PEER_ISN = 0xFFFF_FF00  # its numbers wrap soon
MS = 1_000_000
SYN_OPTIONS = Options(1460, 7, True, 1, 0)


@dataclass
class Reply:
    """A segment of the host, relative numbers."""

    text: str
    tcp: Tcp
    t_ns: int

    def __repr__(self) -> str:
        return self.text


class Conversation:
    """The host, its socket's descriptor ``fd``, and what it has sent since the last look."""

    def __init__(self, era: str = "linux-7", options: Options = SYN_OPTIONS, sysctls: dict[str, str] | None = None):
        interface = Interface("h1-eth0", 1500, ("10.0.0.1/24",))
        self.net: LinuxStack = make_host("h1", PROFILES[era], interfaces=[interface], sysctls=sysctls)
        self.now_ns = 1_000_000_000
        self.options, self.call_id, self.fd = options, 0, -1
        self.isn, self.port, self.local = 0, 5000, 80
        self.replies: list[Reply] = []
        self.returned: dict[int, tuple[Any, int]] = {}
        self.ts_val = 1

    # ---- the host's processes

    def call(self, name: str, *args: Any) -> Any:
        """A system call; its value, or its errno as a negative number, or None while it blocks."""
        self.call_id += 1
        self._handle(SystemCall(self.call_id, name, args))
        return self.result(self.call_id)

    def result(self, call_id: int) -> Any:
        """What a call returned."""
        if call_id not in self.returned:
            return None
        value, errno = self.returned[call_id]
        return -errno if errno else value

    # ---- the peer

    def sends(self, flags: int, seq: int, ack: int = 1, data: bytes = b"", **header: Any) -> list[Reply]:
        """A segment for the host; what it answers at once. ``header``: window, options, urgent, ts (False: none)."""
        options = header.get("options", NO_OPTIONS)
        if options is NO_OPTIONS and self.options.ts_val is not None and header.get("ts", True):
            options = Options(ts_val=header.get("ts_val", self.ts_val), ts_ecr=0)
        tcp = Tcp(
            self.port,
            self.local,
            (PEER_ISN + seq) & 0xFFFFFFFF,
            (self.isn + ack) & 0xFFFFFFFF if flags & ACK else 0,
            flags,
            header.get("window", 64_000 if flags & SYN else 500),
            data,
            options,
            header.get("urgent", 0),
        )
        length = 20 + 20 + (12 if options.ts_val is not None else 0) + len(data)
        packet = Packet(4, PEER, HOST, 6, length, tcp, tos=header.get("tos", 0))
        before = len(self.replies)
        self._handle(Received("h1-eth0", packet))
        return self.replies[before:]

    def passes(self, duration_ns: int) -> list[Reply]:
        """Time passes; what the host's timers send."""
        before, end_ns = len(self.replies), self.now_ns + duration_ns
        deadlines = 0
        while (at_ns := self.net.next_deadline_ns()) is not None and at_ns <= end_ns:
            deadlines += 1
            assert deadlines < 10_000, "the host does not let time pass"
            self.now_ns = max(self.now_ns, at_ns)
            self._handle(Deadline())
        self.now_ns = end_ns
        return self.replies[before:]

    def accepts(self) -> TcpSock:
        """The host listens and accepts this connection."""
        listener = self.call("socket", 2, 1)
        self.call("bind", listener, ("0.0.0.0", self.local))
        self.call("listen", listener, 5)
        (synack,) = self.sends(SYN, 0, options=self.options)
        assert synack.tcp.flags == SYN | ACK
        self.sends(ACK, 1)
        self.fd, _ = self.call("accept", listener)
        return self.sock

    def connects(self) -> Reply:
        """The host's process connects; its SYN, which is not answered yet."""
        self.fd = self.call("socket", 2, 1)
        assert self.call("connect", self.fd, (PEER, self.port)) is None
        syn = self.replies[-1]
        self.local, self.isn = syn.tcp.source_port, syn.tcp.seq
        return syn

    @property
    def sock(self) -> TcpSock:
        """The socket of the host."""
        found = self.net.files.get(self.fd)
        assert isinstance(found, TcpSock)
        return found

    def _handle(self, event: Any) -> None:
        pending = [event]
        while pending:
            for action in self.net.handle(pending.pop(0), now_ns=self.now_ns):
                if isinstance(action, Transmit):
                    self._sent(action.packet)
                elif isinstance(action, Complete):
                    self.returned[action.call_id] = (action.value, action.errno)
                elif isinstance(action, Wake):
                    pending.append(Resume(action.call_id))

    def _sent(self, packet: Packet) -> None:
        tcp = packet.body
        assert isinstance(tcp, Tcp)
        if tcp.flags & SYN:
            self.isn = tcp.seq
        seq = (tcp.seq - self.isn) & 0xFFFFFFFF
        ack = (tcp.ack_seq - PEER_ISN) & 0xFFFFFFFF if tcp.flags & ACK else 0
        sack = "".join(
            f" <{(left - PEER_ISN) & 0xFFFFFFFF}-{(right - PEER_ISN) & 0xFFFFFFFF}>" for left, right in tcp.options.sack
        )
        text = f"{flag_names(tcp.flags)} {seq}:{len(tcp.payload)} ack {ack}{sack}"
        self.replies.append(Reply(text, tcp, self.now_ns))


def texts(replies: list[Reply]) -> list[str]:
    """Them as text."""
    return [reply.text for reply in replies]
