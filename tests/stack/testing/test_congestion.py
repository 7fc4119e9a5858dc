"""The conformance test takes the kernel's own controls and refuses, by name, what breaks the contract."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.stack.cong import AckSample, tcp_ca_find
from netemu.stack.sock import TcpSock
from netemu.stack.tcp_reno import TcpReno
from netemu.stack.testing import check_congestion_control


@pytest.mark.parametrize("name", ["reno", "cubic", "bbr"])
def test_the_kernels_own_keep_it(name: str) -> None:
    check_congestion_control(tcp_ca_find(name))


class Own(TcpReno):
    """Reno under another name: each test gives it one mistake."""

    name = "own"


def _shared_state(self: Any, sk: TcpSock, sample: AckSample) -> None:
    self.count = getattr(self, "count", 0) + 1
    if self.count % 3 == 0:
        sk.snd_cwnd += 1


def _touches_the_stack(self: Any, sk: TcpSock, sample: AckSample) -> None:
    sk.snd_una += 1


def _no_window(self: Any, sk: TcpSock, ack: int, acked: int) -> None:
    sk.snd_cwnd = 0


def _half_a_segment(self: Any, sk: TcpSock, ack: int, acked: int) -> None:
    sk.snd_cwnd = sk.snd_cwnd + 0.5  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("member", "mistake", "told"),
    [
        ("pkts_acked", _shared_state, r"keep .* in sk\.icsk_ca_priv"),
        ("pkts_acked", _touches_the_stack, r"pkts_acked\(\) changed sk.snd_una"),
        ("ssthresh", lambda self, sk: 1, r"ssthresh\(\) returned 1; .* at least 2"),
        ("ssthresh", lambda self, sk: sk.snd_cwnd / 2, r"ssthresh\(\) returned 5.0"),
        ("undo_cwnd", lambda self, sk: None, r"undo_cwnd\(\) returned None"),
        ("cong_avoid", _no_window, "left sk.snd_cwnd at 0"),
        ("cong_avoid", _half_a_segment, r"left sk.snd_cwnd at \d+.5|cong_avoid\(\) raised TypeError"),
        ("set_state", lambda self, sk, new_state: 1 // 0, r"set_state\(\) raised ZeroDivisionError"),
        ("cwnd_event", lambda self, sk: None, r"cwnd_event\(\) raised TypeError"),
    ],
)
def test_what_breaks_it_is_named(member: str, mistake: Any, told: str) -> None:
    with pytest.raises(BadInput, match=told) as refusal:
        check_congestion_control(type("Broken", (Own,), {member: mistake})())
    assert "congestion control 'own'" in str(refusal.value)


def test_state_that_two_sockets_share_is_found() -> None:
    class Shared(Own):
        def init(self, sk: TcpSock) -> None:
            self.window = 10

        def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
            self.window += acked
            sk.snd_cwnd = self.window

    with pytest.raises(BadInput, match="two sockets share state"):
        check_congestion_control(Shared())
