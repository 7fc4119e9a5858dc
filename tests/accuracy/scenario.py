"""One seeded run: a pair of hosts, the path between them, and one flow. Pure: a function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from netemu.experiment import Flow, bulk, connections, on_off, request_response, small_writes

MILLISECOND = 1_000_000
RATES = (None, None, 2_000_000, 5_000_000, 10_000_000)
LOSSES = (0, 0.003, 0.01, 0.03, 0.08, 0.15)
ACK_LOSSES = (0, 0, 0, 0.02, 0.1, 0.3)


@dataclass(frozen=True)
class Pair:
    """Run ``seed`` as a part of a plan: hosts ``a<number>`` and ``b<number>``; a is the client."""

    seed: int
    number: int
    edge: dict[str, Any]
    sysctls: dict[str, dict[str, int]] = field(default_factory=dict)
    flow: Flow | None = None

    @property
    def hosts(self) -> tuple[str, str]:
        return f"a{self.number}", f"b{self.number}"


def draw(seed: int, number: int, stop_s: int) -> Pair:
    """The run of ``seed``; no flow of it lasts longer than ``stop_s``."""
    rng = random.Random(f"netemu accuracy {seed}")
    a, b = f"a{number}", f"b{number}"
    return Pair(seed, number, _edge(rng, a, b), _sysctls(rng, a, b), _flow(rng, number, a, b, stop_s))


def _edge(rng: random.Random, a: str, b: str) -> dict[str, Any]:
    """What the link does in each direction."""
    there, back = f"{a}->{b}", f"{b}->{a}"
    delay = rng.choice((1, 3, 10, 10, 30, 60, 120)) * MILLISECOND
    edge: dict[str, Any] = {"delay": delay, "queue": f"{rng.choice((12, 40, 200))}p"}
    rate = rng.choice(RATES)
    if rate is not None:
        edge["rate"] = rate
    elif rng.random() < 0.3:
        edge["jitter"] = {there: min(delay // 2, 8 * MILLISECOND)}
    loss: Any = rng.choice(LOSSES)
    if loss and rng.random() < 0.3:
        loss = {"p": loss / 3, "r": 0.3}
    edge["loss"] = {there: loss, back: rng.choice(ACK_LOSSES)}
    if rng.random() < 0.25:
        edge["reorder"] = {there: rng.choice((0.005, 0.02, 0.05))}
    if rng.random() < 0.2:
        edge["duplicate"] = {there: rng.choice((0.005, 0.02)), back: rng.choice((0, 0.02))}
    schedule = _schedule(rng, delay, edge["loss"][there])
    if schedule:
        edge["schedule"] = {there: schedule}
    drops = _drops(rng)
    if drops:
        edge["drops"] = {there if kind != "syn_ack" else back: [rule] for kind, rule in drops.items()}
    return edge


def _schedule(rng: random.Random, delay: int, loss: Any) -> list[dict[str, Any]]:
    """A delay spike or a blackout, or nothing."""
    begin = rng.randrange(50, 1500) * MILLISECOND
    kind = rng.random()
    if kind < 0.2:
        longer = delay + rng.choice((60, 200, 500, 900)) * MILLISECOND
        end = begin + rng.choice((100, 400, 1000)) * MILLISECOND
        return [{"at": begin, "delay": longer}, {"at": end, "delay": delay}]
    if kind < 0.4:
        end = begin + rng.choice((150, 400, 1000, 2500)) * MILLISECOND
        return [{"at": begin, "loss": 1.0}, {"at": end, "loss": loss}]
    return []


def _drops(rng: random.Random) -> dict[str, dict[str, Any]]:
    """Lists of exact drops, for what chance seldom hits: handshakes and ends of connections."""
    rules = {}
    for kind, chance in (("syn", 0.08), ("syn_ack", 0.08), ("fin", 0.1)):
        if rng.random() < chance:
            rules[kind] = {"kind": kind, "nth": rng.choice(([1], [1, 2], [1, 2, 3]))}
    return rules


def _sysctls(rng: random.Random, a: str, b: str) -> dict[str, dict[str, int]]:
    off = {}
    if rng.random() < 0.12:
        off["net.ipv4.tcp_timestamps"] = 0
    if rng.random() < 0.12:
        off["net.ipv4.tcp_sack"] = 0
    return {a: dict(off), b: dict(off)} if off else {}


def _flow(rng: random.Random, number: int, a: str, b: str, stop_s: int) -> Flow:
    """The traffic, with slow readers and small buffers among it."""
    sender: dict[str, Any] = {"congestion": rng.choice(("cubic", "cubic", "reno", "bbr"))}
    receiver: dict[str, Any] = {}
    common: dict[str, Any] = {"family": 6 if rng.random() < 0.15 else 4, "stop": f"{stop_s}s"}
    name, kind = f"flow{number}", rng.random()
    if kind < 0.5:
        if rng.random() < 0.3:
            receiver |= rng.choice(
                (
                    {"interval_ns": 20 * MILLISECOND, "chunk_bytes": 8192, "rcvbuf_bytes": 16384},
                    {"pauses": [[200 * MILLISECOND, 1500 * MILLISECOND]], "rcvbuf_bytes": 32768},
                    {"initial_pause_ns": 700 * MILLISECOND, "rcvbuf_bytes": 8192},
                )
            )
        size = rng.choice((3_000, 15_000, 60_000, 200_000, 200_000, 600_000))
        return bulk(name, a, b, size=size, sender=sender, receiver=receiver, **common)
    if kind < 0.62:
        gap = f"{rng.choice((1, 5, 20, 60))}ms"
        count, size = rng.choice((30, 100)), rng.choice((100, 700, 1448, 4000))
        if rng.random() < 0.5:
            sender["nodelay"] = True
        return small_writes(name, a, b, size=size, count=count, gap=gap, sender=sender, **common)
    if kind < 0.74:
        sizes = {"request": rng.choice((50, 3000)), "response": rng.choice((50, 5000, 40_000))}
        return request_response(name, a, b, count=rng.choice((5, 25)), sender=sender, **sizes, **common)
    if kind < 0.82:
        sender |= {"cycles": 4, "rate_bps": 3_000_000}
        return on_off(name, a, b, on="150ms", off=f"{rng.choice((50, 300, 900))}ms", sender=sender, **common)
    if kind < 0.95:
        sender |= {"bytes": rng.choice((200, 4000, 30_000))}
        return connections(name, a, b, count=rng.choice((6, 15)), sender=sender, **common)
    sender |= {
        "keepalive": True,
        "keepalive_idle_s": 1,
        "keepalive_interval_s": 1,
        "keepalive_count": 9,
        "think_ns": 2500 * MILLISECOND,
    }
    return request_response(name, a, b, count=3, request=100, response=100, sender=sender, **common)
