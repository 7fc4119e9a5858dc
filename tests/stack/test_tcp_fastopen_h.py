"""Fast Open's option."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.stack.tcp_fastopen_h import FastopenCookie, TcpFastopen, tcp_parse_fastopen_option, with_cookie

COOKIE = bytes(range(8))


@pytest.mark.parametrize(
    ("other", "value", "exp"),
    [
        ((), None, False),
        (((34, b""),), b"", False),
        (((34, COOKIE),), COOKIE, False),
        (((254, b"\xf9\x89" + COOKIE),), COOKIE, True),
        (((254, b"\xf9\x88" + COOKIE),), None, False),
        (((34, COOKIE[:2]),), None, False),  # too short, but an option
        (((34, COOKIE), (34, COOKIE[:5])), COOKIE, False),  # of odd length: none
        (((34, COOKIE), (34, b"")), b"", False),
    ],
)
def test_what_an_option_says(other: tuple[tuple[int, bytes], ...], value: bytes | None, exp: bool) -> None:
    found = tcp_parse_fastopen_option(Options(other=other), only_exp=False)
    assert (found.value, found.exp) == (value, exp)


def test_an_old_era_knows_the_experimental_option_alone() -> None:
    assert tcp_parse_fastopen_option(Options(other=((34, COOKIE),)), only_exp=True).value is None
    assert tcp_parse_fastopen_option(Options(other=((254, b"\xf9\x89"),)), only_exp=True).value == b""


def test_it_goes_behind_the_others_if_there_is_room() -> None:
    options = Options(mss=1460)
    assert with_cookie(options, FastopenCookie(), 40) is options
    assert with_cookie(options, FastopenCookie(COOKIE), 8) is options
    assert with_cookie(options, FastopenCookie(COOKIE), 12) == Options(mss=1460, other=((34, COOKIE),))
    assert with_cookie(options, FastopenCookie(b"", exp=True), 4).other == ((254, b"\xf9\x89"),)


def test_a_disconnect_leaves_what_the_user_set() -> None:
    tfo = TcpFastopen()
    tfo.fastopen_connect, tfo.max_qlen, tfo.fastopen_client_fail, tfo.syn_data_acked = True, 5, 2, True
    tfo.disconnected()
    assert (tfo.fastopen_connect, tfo.max_qlen) == (True, 5)
    assert (tfo.fastopen_client_fail, tfo.syn_data_acked) == (0, False)
