"""The contract of a whole stack: two hosts of it talk over a bad wire, and what arrives is what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import ECONNRESET, EPIPE, ETIMEDOUT
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.packet.ip import IPPROTO_TCP, Options, Packet, Tcp
from netemu.stack.events import Complete, Deadline
from netemu.stack.prng import Prng
from netemu.stack.testing.congestion import MISTAKES
from netemu.stack.testing.hosts import Pair, Process

if TYPE_CHECKING:
    from netemu.stack.stack import Stack

AF_INET, SOCK_STREAM = 2, 1
ADDRESSES = {"h1": "10.0.0.1", "h2": "10.0.0.2"}
PORT = 5001
ENDS = (ECONNRESET, EPIPE, ETIMEDOUT)
"""errno with which a connection may end on a bad wire."""

MakeHost = Callable[[str, str], "Stack"]
"""(name, address) -> a host whose interface ``eth0`` has that address in 10.0.0.0/24."""


def check_stack(make_host: MakeHost, seeds: Iterable[int] = range(5)) -> None:
    """Let two hosts talk, for each seed on a wire that loses, duplicates and delays more, while hostile segments come.

    :raises BadInput: a host cannot be made or lacks a method; an event raises; bytes arrive that were not sent so; a
        call ends with an errno that no wire can cause; time may go back; a snapshot breaks what it must keep
        (:func:`check_snapshot`).
    """
    try:
        first = make_host("h1", ADDRESSES["h1"])
    except MISTAKES as error:
        raise BadInput(f"the stack: a host cannot be made: {type(error).__name__}: {error}") from error
    for method in METHODS:
        if not callable(getattr(first, method, None)):
            raise BadInput(f"the stack: a {type(first).__name__} has no {method}(); see netemu.stack.stack.Stack")
    with _named("the stack"):
        _check_time(first)
    for seed in seeds:
        with _named(f"the stack, seed {seed}"):
            Conversation(make_host, seed).run()


METHODS = ("handle", "next_deadline_ns", "sockets", "counters", "snapshot")


@contextmanager
def _named(place: str) -> Iterator[None]:
    """What an event raises is a mistake of the stack's."""
    try:
        yield
    except MISTAKES as error:
        raise BadInput(f"{place}: an event raised {type(error).__name__}: {error}") from error


def _check_time(stack: Stack) -> None:
    stack.handle(Deadline(), now_ns=10)
    with suppress(ValueError):
        stack.handle(Deadline(), now_ns=9)
        raise BadInput("the stack: handle() let time go back from 10 to 9 ns; it must raise ValueError")


class Conversation:
    """A client writes, closes and is read to the end by a server; ``received`` and ``errors`` tell how it went."""

    def __init__(self, make_host: MakeHost, seed: int) -> None:
        self.seed = seed
        self._random = Prng(seed)
        bad = min(seed * 15, 150)
        stacks = {name: make_host(name, address) for name, address in ADDRESSES.items()}
        self.pair = Pair(stacks, seed, {"lost": bad, "twice": bad, "late": 2 * bad})
        self.pair.on_event = self._look
        self.data = bytes(self._random.below(256) for _ in range(2_000)) * (5 + self._random.below(20))
        self.received = bytearray()
        self.errors: list[int] = []
        self._edges: dict[Any, int] = {}

    def run(self) -> None:
        """To the end, an hour of the hosts' time at most."""
        self.pair.start("h2", self._server())
        self.pair.start("h1", self._client())
        for second in range(3600):
            self.pair.run((second + 1) * 1_000_000_000)
            if self.pair.finished:
                break
            self._attack()
        self._judge()

    def _judge(self) -> None:
        place = f"the stack, seed {self.seed}"
        if not self.pair.finished:
            raise BadInput(f"{place}: a call never returned, though every connection ends some time")
        if not self.data.startswith(self.received):
            raise BadInput(f"{place}: bytes arrived that were not sent so")
        wrong = [error for error in self.errors if error not in ENDS]
        if wrong:
            raise BadInput(f"{place}: a call ended with errno {wrong[0]}; a bad wire can cause {ENDS} only")
        if not self.errors and len(self.received) < len(self.data):
            raise BadInput(f"{place}: {len(self.received)} of {len(self.data)} bytes arrived, and no call told so")

    def _client(self) -> Process:
        fd = (yield from self._ok("socket", AF_INET, SOCK_STREAM, 0)).value
        done = yield from self._may_fail("connect", fd, (ADDRESSES["h2"], PORT))
        at = 0
        while not done.errno and at < len(self.data):
            size = 1 + self._random.below(6_000)
            done = yield from self._may_fail("send", fd, self.data[at : at + size])
            at += done.value or 0
        yield ("close", fd)

    def _server(self) -> Process:
        listener = (yield from self._ok("socket", AF_INET, SOCK_STREAM, 0)).value
        yield from self._ok("bind", listener, (ADDRESSES["h2"], PORT))
        yield from self._ok("listen", listener, 5)
        fd = (yield from self._ok("accept", listener)).value[0]
        while True:
            done = yield from self._may_fail("recv", fd, 1 + self._random.below(9_000))
            if not done.value:
                break
            self.received += done.value
        yield ("close", fd)

    def _ok(self, *call: Any) -> Any:
        done: Complete = yield call
        if done.errno:
            raise BadInput(f"the stack, seed {self.seed}: {call[0]}() failed with errno {done.errno}")
        return done

    def _may_fail(self, *call: Any) -> Any:
        done: Complete = yield call
        if done.errno:
            self.errors.append(done.errno)
        return done

    def _attack(self) -> None:
        """A segment of nobody's, nonsense in every field, to the connection's own ports."""
        random = self._random
        ports = [packet.body for _, source, packet in self.pair.sent if source == "h1" and isinstance(packet.body, Tcp)]
        if not ports:
            return
        options = Options(ts_val=random.u32(), ts_ecr=random.u32(), sack=((random.u32(), random.u32()),))
        flags = random.below(256) & ~0x04  # a reset in the window would end the connection, as it should
        segment = Tcp(ports[0].source_port, PORT, random.u32(), random.u32(), flags, random.below(65536), b"x", options)
        packet = Packet(4, ADDRESSES["h1"], ADDRESSES["h2"], IPPROTO_TCP, 20 + 20 + 12 + 12 + 1, segment)
        if not flags & 0x02:  # nor a SYN, which opens another
            self.pair.inject("h2", packet)

    def _look(self, host: str) -> None:
        check_snapshot(self.pair.stacks[host].snapshot(), f"the stack, seed {self.seed}, {host}", self._edges)


def check_snapshot(snapshot: Mapping[str, Any], place: str, edges: dict[Any, int] | None = None) -> None:
    """BadInput when a socket's fields contradict each other: sequence numbers out of order, queues that do not add up
    to the memory accounted for them, a window that was taken back since the last look (``edges`` remembers)."""
    sockets: Sequence[Mapping[str, Any]] = snapshot.get("sockets", ())
    for sk in sockets:
        if not sk.get("snd_una", 0) <= sk.get("snd_nxt", 0) <= sk.get("write_seq", 0):
            raise BadInput(f"{place}: snd_una <= snd_nxt <= write_seq does not hold of {_numbers(sk)}")
        queued = _truesize(sk, "sk_write_queue", "tcp_rtx_queue")
        if "sk_wmem_queued" in sk and queued != sk["sk_wmem_queued"]:
            raise BadInput(f"{place}: segments to be sent weigh {queued}, sk_wmem_queued is {sk['sk_wmem_queued']}")
        held = _truesize(sk, "sk_receive_queue", "out_of_order_queue")
        if "sk_rmem_alloc" in sk and held != sk["sk_rmem_alloc"]:
            raise BadInput(f"{place}: segments received weigh {held}, sk_rmem_alloc is {sk['sk_rmem_alloc']}")
        if edges is not None and "rcv_wup" in sk:
            edge = sk["rcv_wup"] + sk["rcv_wnd"]
            key = (place, sk.get("sk_cookie"))
            if edge < edges.get(key, 0):
                raise BadInput(f"{place}: the window was taken back from {edges[key]} to {edge}")
            edges[key] = edge


def _truesize(sk: Mapping[str, Any], *queues: str) -> int:
    return sum(truesize for queue in queues for _, _, truesize in sk.get(queue, ()))


def _numbers(sk: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sk.get(name) for name in ("snd_una", "snd_nxt", "write_seq"))
