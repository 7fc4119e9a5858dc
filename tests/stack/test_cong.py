"""The registry of congestion controls: defaults, the contract, and who is refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any, cast

import pytest

from netemu.errors import BadInput
from netemu.stack import cong
from netemu.stack.profile import Profile
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl


class Fixed(cong.TcpCongestionOps):
    """Always four segments."""

    name = "fixed"

    def ssthresh(self, sk: TcpSock) -> int:
        return 4

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        sk.snd_cwnd = 4

    def undo_cwnd(self, sk: TcpSock) -> int:
        return 4


def test_the_kernels_own_are_known_by_name() -> None:
    assert {"reno", "cubic", "bbr"} <= set(cong.tcp_available_congestion_control())
    cubic = cong.tcp_ca_find("cubic")
    assert cubic is not None
    assert cubic.name == "cubic"
    assert cong.tcp_ca_find("vegas2") is None


def test_members_that_a_control_lacks_do_what_the_kernel_does_without_them() -> None:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(), 1), 2, cast(Any, None))
    ops = Fixed()
    ops.init(sk)
    ops.set_state(sk, 1)
    ops.release(sk)
    assert ops.sndbuf_expand(sk) == 2
    assert ops.min_tso_segs(sk) == sk.net.sysctl.tcp_min_tso_segs
    assert not ops.has_cong_control


def test_a_control_can_be_registered_once() -> None:
    ops = cong.tcp_register_congestion_control(type("Once", (Fixed,), {"name": "once"})())
    assert cong.tcp_ca_find("once") is ops
    with pytest.raises(BadInput, match=r"'once'.*taken"):
        cong.tcp_register_congestion_control(type("Twice", (Fixed,), {"name": "once"})())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "name is ''"),
        ({"name": "sixteen-letters-"}, "name is 'sixteen-letters-'"),
        ({"ssthresh": None}, r"no ssthresh\(\)"),
        ({"undo_cwnd": cong.TcpCongestionOps.undo_cwnd}, r"must define undo_cwnd\(\)"),
        ({"cong_avoid": cong.TcpCongestionOps.cong_avoid}, r"must define cong_avoid\(\)"),
        ({"has_cong_control": True}, r"must define cong_control\(\)"),
        ({"needs_ecn": "yes"}, "needs_ecn must be True or False"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    ops = type("Broken", (Fixed,), changes)()
    with pytest.raises(BadInput, match=told) as refusal:
        cong.tcp_validate_congestion_control(ops, "entry point fixed = mine:Broken")
    assert "mine:Broken" in str(refusal.value)


class Negative(Fixed):
    """Has the form of a control and breaks the contract."""

    name = "negative"

    def ssthresh(self, sk: TcpSock) -> int:
        return -5


def test_a_plug_in_is_tried_when_it_is_asked_for() -> None:
    cong.load_plug_in(EntryPoint("negative", "tests.stack.test_cong:Negative", cong.GROUP))
    assert "negative" in cong.tcp_available_congestion_control()
    told = r"'negative': ssthresh\(\) returned -5; .* \(entry point negative = tests\.stack\.test_cong:Negative\)$"
    for _ in range(2):
        with pytest.raises(BadInput, match=told):
            cong.tcp_ca_find("negative")
    cong.load_plug_in(EntryPoint("fixed", "tests.stack.test_cong:Fixed", cong.GROUP))
    found = cong.tcp_ca_find("fixed")
    assert isinstance(found, Fixed)
    assert cong.tcp_ca_find("fixed") is found


def test_a_plug_in_that_cannot_be_loaded_or_has_another_name_is_refused() -> None:
    for value, told in (
        ("no.such.module:X", "cannot be loaded"),
        ("tests.stack.test_cong:Fixed", "its name is 'fixed'"),
    ):
        with pytest.raises(BadInput, match=told):
            cong.load_plug_in(EntryPoint("other", value, cong.GROUP))
