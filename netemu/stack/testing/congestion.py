"""The contract of a congestion control, member by member, on sockets that live through losses and silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from netemu.errors import BadInput
from netemu.stack import tcp_cong
from netemu.stack.cong import (
    CA_ACK_SLOWPATH,
    CA_EVENT_COMPLETE_CWR,
    CA_EVENT_CWND_RESTART,
    CA_EVENT_LOSS,
    CA_EVENT_TX_START,
    AckSample,
    CongestionOps,
    RateSample,
    tcp_validate_congestion_control,
)
from netemu.stack.prng import Prng
from netemu.stack.profile import Profile, sysctl_of
from netemu.stack.sock import (
    TCP_CA_CWR,
    TCP_ESTABLISHED,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Open,
    TCP_CA_Recovery,
    TcpSock,
    fields_of,
)
from netemu.stack.stack import LinuxStack

MAY_WRITE = frozenset(
    (
        "snd_cwnd", "snd_cwnd_cnt", "snd_ssthresh", "snd_cwnd_clamp", "sk_pacing_rate", "sk_pacing_needed",
        "icsk_ca_priv", "tos", "app_limited", "ecn_flags",
    )
)  # fmt: skip
"""Fields of a socket that a control may change; the rest belongs to the stack."""

LEAST = {"ssthresh": 2, "undo_cwnd": 1, "sndbuf_expand": 1, "min_tso_segs": 1}
"""Members that return a number, and the least it may be."""

MSS_BYTES, STEPS = 1448, 150
"""Of one life."""


MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""What a member may fail with that has a mistake."""


def _nothing(sk: TcpSock) -> None:
    """Nothing happened to the socket."""


class Step(NamedTuple):
    """One call of a member. ``before``: what the stack writes down first; ``stack_writes``: and what meanwhile."""

    member: str
    call: Callable[[TcpSock], object]
    before: Callable[[TcpSock], object] = _nothing
    stack_writes: tuple[str, ...] = ()


def check_congestion_control(ops: object) -> None:
    """Take ``ops`` through lives of connections: every member is called as the stack calls it, after every other.

    :raises BadInput: a member is missing, raises, returns what it must not, or leaves a socket in a state that the
        kernel forbids; it changes fields that are the stack's; two sockets share what each should have of its own;
        the same life does not come to the same window twice.
    """
    control = tcp_validate_congestion_control(ops, type(ops).__name__)
    for seed in range(5):
        alone = [_live(control, _sock(control), _life(seed)) for _ in range(2)]
        if alone[0] != alone[1]:
            _refuse(control, "the same life comes to another window the second time; keep all state in sk.icsk_ca_priv")
        if _live_together(control, seed) != alone[0]:
            _refuse(control, "two sockets share state; keep what belongs to one in sk.icsk_ca_priv")


def _refuse(control: CongestionOps, told: str) -> None:
    raise BadInput(f"congestion control {control.name!r}: {told}")


def _sock(control: CongestionOps) -> TcpSock:
    """An established socket with an RTT of 20 ms, 30 s after boot."""
    profile = Profile("conformance")
    stack = LinuxStack("h1", profile, sysctl_of(profile), 1)
    stack.now_ns = profile.t0_after_boot_ns
    stack.timers.advance(stack.now_ns)
    sk = TcpSock(stack, 2, control)
    sk.sk_state = TCP_ESTABLISHED
    sk.icsk_ca_priv = control.ca_priv()
    sk.mss_cache, sk.snd_cwnd, sk.snd_wnd = MSS_BYTES, 10, 1 << 20
    sk.srtt_us, sk.rtt_min_us, sk.mdev_us = 8 * 20_000, 20_000, 40_000
    sk.write_seq = sk.snd_nxt = sk.snd_una = 1
    return sk


def _live(control: CongestionOps, sk: TcpSock, life: Iterator[Step]) -> list[tuple[int, int]]:
    """(snd_cwnd, snd_ssthresh) after every step."""
    return [_take(control, sk, step) for step in life]


def _live_together(control: CongestionOps, seed: int) -> list[tuple[int, int]]:
    """The same, of a socket whose steps alternate with those of one that lives another life."""
    one, other = _sock(control), _sock(control)
    other_life = _life(seed + 1000)
    windows = []
    for step in _life(seed):
        windows.append(_take(control, one, step))
        for other_step in other_life:
            _take(control, other, other_step)
            break
    return windows


def _take(control: CongestionOps, sk: TcpSock, step: Step) -> tuple[int, int]:
    member = step.member
    step.before(sk)
    before = {name: getattr(sk, name) for name in fields_of(type(sk)) if name not in MAY_WRITE}
    try:
        value = step.call(sk)
    except MISTAKES as error:
        raise BadInput(
            f"congestion control {control.name!r}: {member}() raised {type(error).__name__}: {error}"
        ) from error
    for name, old in before.items():
        if name not in step.stack_writes and getattr(sk, name) != old:
            _refuse(control, f"{member}() changed sk.{name}, which is the stack's")
    if member in LEAST and (not isinstance(value, int) or value < LEAST[member]):
        _refuse(control, f"{member}() returned {value!r}; it must be a whole number of at least {LEAST[member]}")
    for name, least in (("snd_cwnd", 1), ("snd_ssthresh", 0), ("snd_cwnd_cnt", 0), ("sk_pacing_rate", 0)):
        field = getattr(sk, name)
        if not isinstance(field, int) or field < least:
            _refuse(control, f"{member}() left sk.{name} at {field!r}; it must be a whole number of at least {least}")
    return sk.snd_cwnd, sk.snd_ssthresh


# ---- lives


def _life(seed: int) -> Iterator[Step]:
    """init(), then ACKs with losses, timeouts, undos and silence among them, drawn from ``seed``; then release()."""
    random = Prng(seed)
    begins = ("prior_ssthresh", "icsk_ca_initialized")
    yield Step("init", tcp_cong.tcp_init_congestion_control, stack_writes=begins)
    for _ in range(STEPS):
        kinds = (_recovery, _timeout, _silence, _numbers)
        yield from (kinds[random.below(4)] if random.below(5) == 0 else _ack)(random)
    yield Step("release", tcp_cong.tcp_cleanup_congestion_control, stack_writes=("icsk_ca_initialized",))


def _one_of(random: Prng, *choices: int) -> int:
    return choices[random.below(len(choices))]


def _ack(random: Prng) -> Iterator[Step]:
    """One ACK, some time after the last."""
    acked = _one_of(random, 1, 2, 2, 10)
    after_us = _one_of(random, 10, 500, 5_000, 21_000)
    rtt_us = _one_of(random, -1, 0, 20_000, 20_500, 29_000)
    limited = random.below(5) > 0

    def arrive(sk: TcpSock) -> None:
        _pass(sk, after_us)
        sk.delivered += acked
        sk.delivered_mstamp = sk.tcp_mstamp
        sk.snd_una += acked * MSS_BYTES
        sk.snd_nxt = max(sk.snd_nxt, sk.snd_una + 10 * MSS_BYTES)
        sk.packets_out = 10
        sk.max_packets_out = sk.snd_cwnd
        sk.is_cwnd_limited = limited

    yield Step("in_ack_event", lambda sk: sk.icsk_ca_ops.in_ack_event(sk, CA_ACK_SLOWPATH), arrive)
    yield Step("pkts_acked", lambda sk: sk.icsk_ca_ops.pkts_acked(sk, AckSample(acked, rtt_us, 10)))
    yield Step("cong_control or cong_avoid", lambda sk: _steer(sk, acked, rtt_us))


def _pass(sk: TcpSock, us: int) -> None:
    net = sk.net
    net.now_ns += us * 1000
    net.timers.advance(net.now_ns)
    sk.tcp_mstamp, sk.tcp_clock_cache = net.now_ns // 1000, net.now_ns


def _steer(sk: TcpSock, acked: int, rtt_us: int) -> None:
    """As tcp_cong_control does: one of the two."""
    ops = sk.icsk_ca_ops
    if ops.has_cong_control:
        rs = RateSample()
        rs.delivered = rs.acked_sacked = acked
        rs.interval_us, rs.rtt_us = 1_000 * acked, rtt_us
        rs.prior_delivered, rs.prior_in_flight = sk.delivered - acked, 10
        ops.cong_control(sk, sk.snd_una, 0, rs)
    elif sk.icsk_ca_state < TCP_CA_Recovery:
        ops.cong_avoid(sk, sk.snd_una, acked)


def _state(new_state: int) -> Step:
    return Step("set_state", lambda sk: tcp_cong.tcp_set_ca_state(sk, new_state), stack_writes=("icsk_ca_state",))


def _event(event: str) -> Step:
    return Step("cwnd_event", lambda sk: sk.icsk_ca_ops.cwnd_event(sk, event))


def _ssthresh() -> Step:
    return Step("ssthresh", lambda sk: sk.icsk_ca_ops.ssthresh(sk))


def _recovery(random: Prng) -> Iterator[Step]:
    """Disorder, a loss, recovery, and sometimes its undoing."""
    yield _state(TCP_CA_Disorder)
    yield _ssthresh()
    yield _state(_one_of(random, TCP_CA_Recovery, TCP_CA_CWR))
    yield from _ack(random)
    if random.below(3) == 0:
        yield Step("undo_cwnd", lambda sk: sk.icsk_ca_ops.undo_cwnd(sk))
    yield _event(CA_EVENT_COMPLETE_CWR)
    yield _state(TCP_CA_Open)


def _timeout(random: Prng) -> Iterator[Step]:
    """A retransmission timeout."""
    yield _ssthresh()
    yield _event(CA_EVENT_LOSS)
    yield _state(TCP_CA_Loss)
    yield from _ack(random)
    yield _state(TCP_CA_Open)


def _silence(random: Prng) -> Iterator[Step]:
    """The process had nothing to send for a while, and then had."""
    idle_us = _one_of(random, 300_000, 12_000_000)
    yield Step(
        "cwnd_event", lambda sk: sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_CWND_RESTART), lambda sk: _pass(sk, idle_us)
    )
    yield _event(CA_EVENT_TX_START)


def _numbers(random: Prng) -> Iterator[Step]:
    """What the stack asks now and then."""
    yield Step("sndbuf_expand", lambda sk: sk.icsk_ca_ops.sndbuf_expand(sk))
    yield Step("min_tso_segs", lambda sk: sk.icsk_ca_ops.min_tso_segs(sk))
