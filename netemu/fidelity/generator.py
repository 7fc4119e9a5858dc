"""Scenarios from a seed: each is a pure function of (seed, index), on any machine, with any version of Python.

A scenario draws its path, what is lost or overtaken, who writes how much at a time and who reads how fast. Every
draw has a purpose of its own (:class:`netemu.link.draws.Draws`), so a new one changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from netemu.experiment import bulk, on_off, request_response, small_writes
from netemu.experiment.traffic import Flow
from netemu.fidelity.scenario import Scenario
from netemu.link.draws import Draws

DEVELOPED_WITH = range(1, 100)
"""Seeds that may be looked at while models are made; figures that are quoted come from others, from 1000 on."""

T = TypeVar("T")


class _Dice:
    """What is drawn for one scenario."""

    def __init__(self, seed: int, index: int) -> None:
        self._seed, self._index = seed, index

    def ratio(self, purpose: str, nth: int = 0) -> float:
        """From 0 up to 1."""
        return Draws(self._seed, f"fidelity {purpose} {self._index}").ratio(nth)

    def one(self, purpose: str, choices: Sequence[T], nth: int = 0) -> T:
        """One of ``choices``, each as likely."""
        return choices[int(self.ratio(purpose, nth) * len(choices))]

    def whole(self, purpose: str, low: int, high: int, nth: int = 0) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self.ratio(purpose, nth) * (high - low + 1))

    def chance(self, purpose: str, ratio: float) -> bool:
        """True in so many of all scenarios."""
        return self.ratio(purpose) < ratio


def generated(seed: int, index: int) -> Scenario:
    """Scenario ``index`` (from 0) of ``seed``."""
    dice = _Dice(seed, index)
    flows = [_flow(dice, "one", 0)]
    if dice.chance("second flow", 0.2):
        flows.append(_flow(dice, "two", dice.whole("second starts", 1, 900)))
    return Scenario(
        f"seed{seed}_{index}",
        ("M01", "M02", "M04", "M05", "M06", "M07", "M08", "M11", "M15", "M16", "M17", "M21"),
        f"drawn from seed {seed}",
        _links(dice),
        tuple(flows),
        sysctls=_sysctls(dice),
        seed=seed * 1000 + index,
    )


def _links(dice: _Dice) -> tuple[Mapping[str, Any], ...]:
    """One link, or two with a router between them, the second with a smaller MTU."""
    plain: dict[str, Any] = {
        "rate": f"{dice.whole('rate', 2, 40)}Mbit/s",
        "delay": f"{dice.whole('delay', 1, 60)}ms",
        "queue": _limit(*_queue(dice)),
        "mtu_bytes": dice.one("mtu", (1500, 1500, 1500, 1400, 1280)),
        "backend": dice.one("wire", ("auto", "relay")),
    }
    if dice.chance("router", 0.15):
        ways = ("h1->r1", "r1->h1")
        return {**plain, **_mishaps(dice, *ways)}, {**plain, "mtu_bytes": dice.whole("path mtu", 1280, 1499)}
    return ({**plain, **_mishaps(dice, "h1->h2", "h2->h1")},)


def _queue(dice: _Dice) -> tuple[int, str]:
    """A queue's length in packets, and its unit; one in four is so small that slow start overflows it."""
    if not dice.chance("small queue", 0.25):
        return dice.whole("queue", 15, 200), "p"
    return dice.whole("places", 4, 20), dice.one("unit", "ppB")


def _limit(packets: int, unit: str) -> str:
    """So many packets of 1500 bytes in ``unit``, p or B."""
    return f"{packets * 1500}B" if unit == "B" else f"{packets}p"


def _mishaps(dice: _Dice, there: str, back: str) -> Mapping[str, Any]:
    """What happens to packets on a link, by its two directions."""
    drops: dict[str, list[dict[str, object]]] = {there: [], back: []}
    if dice.chance("data lost", 0.5):
        first = dice.whole("first lost", 1, 60)
        lost = {first}
        for number in range(dice.whole("more lost", 0, 6)):
            lost.add(first + dice.whole("next lost", 1, 12, number))
        drops[there].append({"kind": dice.one("lost kind", ("data", "new_data")), "nth": sorted(lost)})
    if dice.chance("acks lost", 0.25):
        lost = {dice.whole("ack lost", 1, 40, number) for number in range(dice.whole("lost acks", 1, 6))}
        drops[back].append({"kind": "ack", "nth": sorted(lost)})
    for kind, way in (("syn", there), ("syn_ack", back), ("fin", there), ("fin", back), ("window_update", back)):
        if dice.chance(f"{kind} lost {way == there}", 0.05):
            drops[way].append({"kind": kind, "nth": [1]})
    found: dict[str, Any] = (
        {"drops": {way: rules for way, rules in drops.items() if rules}} if any(drops.values()) else {}
    )
    if dice.chance("reordering", 0.15):
        found["reorder"] = {there: dice.whole("reordered", 1, 8) / 100}
    if dice.chance("random loss", 0.15):
        found["loss"] = {there: dice.whole("loss", 1, 40) / 1000}
    if dice.chance("duplicates", 0.08):
        found["duplicate"] = {there: dice.whole("duplicated", 1, 10) / 100}
    if found.keys() & {"reorder", "loss", "duplicate"}:
        found["backend"] = "relay"  # netem draws numbers of its own, a relay those of the plan's seed as the model does
    if dice.chance("delay changes", 0.1):
        at_ms, delay_ms = dice.whole("delay changes at", 50, 400), dice.whole("new delay", 5, 300)
        found["schedule"] = {there: [{"at": f"{at_ms}ms", "delay": f"{delay_ms}ms"}]}
    if dice.chance("marks", 0.1):
        marked_from = dice.whole("marked from", 3, 14)
        places, unit = _queue(dice)
        found["ecn"] = {there: _limit(min(marked_from, places), unit)}
    return found


def _sysctls(dice: _Dice) -> Mapping[str, Mapping[str, str | int]]:
    """Settings of either host that change what its kernel does; mostly none."""
    found: dict[str, dict[str, str | int]] = {"h1": {}, "h2": {}}
    for name, host, value, ratio in (
        ("tcp_sack", "h2", 0, 0.07),
        ("tcp_timestamps", "h1", 0, 0.1),
        ("tcp_window_scaling", "h2", 0, 0.05),
        ("tcp_ecn", "h1", 1, 0.15),
        ("tcp_moderate_rcvbuf", "h2", 0, 0.07),
        ("tcp_slow_start_after_idle", "h1", 0, 0.07),
        ("tcp_mtu_probing", "h1", 1, 0.07),
        ("tcp_early_retrans", "h1", 0, 0.05),
        ("tcp_recovery", "h1", 0, 0.05),
        ("tcp_autocorking", "h1", 0, 0.05),
    ):
        if dice.chance(name, ratio):
            found[host][f"net.ipv4.{name}"] = value
    return {host: values for host, values in found.items() if values}


def _flow(dice: _Dice, name: str, start_ms: int) -> Flow:
    kinds = ("bulk", "bulk", "bulk", "writes", "requests", "bursts")
    kind = dice.one(f"{name} traffic", kinds)
    sender, receiver = _ends(dice, name)
    options: dict[str, Any] = {
        "sender": sender,
        "receiver": receiver,
        "family": 6 if dice.chance(f"{name} IPv6", 0.15) else 4,
        "start": f"{start_ms}ms",
    }
    ends = (name, "h1", "h2")
    if kind == "writes":
        size, count = dice.whole(f"{name} write", 20, 3000), dice.whole(f"{name} writes", 10, 120)
        if dice.chance(f"{name} cork", 0.15):
            sender["cork"] = True
        gap = dice.whole(f"{name} gap", 0, 40)
        return small_writes(*ends, size=size, count=count, gap=f"{gap}ms", **options)
    if kind == "requests":
        request, response = dice.whole(f"{name} request", 50, 4000), dice.whole(f"{name} response", 50, 20_000)
        sender["writes"] = dice.whole(f"{name} parts", 1, 3)
        count = dice.whole(f"{name} requests", 3, 15)
        return request_response(*ends, count=count, request=request, response=response, **options)
    sender["chunk_bytes"] = dice.one(f"{name} chunk", (262_144, 65_536, 10_000, 1448, 5000))
    if dice.chance(f"{name} slow reader", 0.2):
        receiver["interval_ns"] = dice.whole(f"{name} interval", 2, 40) * 1_000_000
        receiver["chunk_bytes"] = dice.whole(f"{name} read", 1, 16) * 1024
    elif dice.chance(f"{name} late reader", 0.15):
        receiver["initial_pause_ns"] = dice.whole(f"{name} pause", 100, 3000) * 1_000_000
    if kind == "bursts":
        sender["cycles"] = dice.whole(f"{name} bursts", 2, 4)
        sender["rate_bps"] = dice.whole(f"{name} burst rate", 1, 10) * 1_000_000
        on, off = dice.whole(f"{name} on", 10, 80), dice.whole(f"{name} off", 20, 1500)
        return on_off(*ends, on=f"{on}ms", off=f"{off}ms", **options)
    return bulk(*ends, size=dice.whole(f"{name} size", 2, 300) * 1000, **options)


def _ends(dice: _Dice, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of both sockets that any traffic may have."""
    sender: dict[str, Any] = {"congestion": dice.one(f"{name} congestion", ("reno", "cubic", "cubic", "bbr"))}
    receiver: dict[str, Any] = {}
    if dice.chance(f"{name} send buffer", 0.25):
        sender["sndbuf_bytes"] = dice.whole(f"{name} sndbuf", 8, 90) * 1024
    if dice.chance(f"{name} receive buffer", 0.25):
        receiver["rcvbuf_bytes"] = dice.whole(f"{name} rcvbuf", 4, 90) * 1024
    if dice.chance(f"{name} nodelay", 0.3):
        sender["nodelay"] = True
    if dice.chance(f"{name} non-blocking", 0.15):
        sender["mode"] = "nonblocking"
    if dice.chance(f"{name} small segments", 0.1):
        sender["mss_bytes"] = dice.whole(f"{name} mss", 300, 1400)
    if dice.chance(f"{name} closes", 0.1):
        sender["close"] = dice.one(f"{name} close", ("close", "abort"))
    return sender, receiver
