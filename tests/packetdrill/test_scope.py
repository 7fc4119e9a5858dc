"""What is found out of scope before a script runs."""

from __future__ import annotations

import pytest

from tests.packetdrill.parser import parse
from tests.packetdrill.scope import out_of_scope


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("+0 sendto(3, ..., 9, MSG_FASTOPEN|MSG_DONTWAIT, ..., ...) = 9", None),
        ("+0 setsockopt(3, SOL_SOCKET, SO_TIMESTAMPING, [SOF_TIMESTAMPING_TX_ACK], 4) = 0",
         "time stamps of sending (SO_TIMESTAMPING)"),
        ("+0 splice(3, ..., 4, ..., 9, 0) = 9", "splice()"),
        ("+0 > (flowlabel 0x1) . 1:1(0)", "IPv6 flow labels"),
        ("+0 > SEWA 0:0(0) <...>", None),
        ("+0 > . 1:1(0) <md5 00,nop,nop>", "TCP MD5 signatures"),
        ("+0 close(3) = 0", None),
    ],
)  # fmt: skip
def test_reasons(line: str, reason: str | None) -> None:
    assert out_of_scope(parse(f"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{line}\n")) == reason
