"""Arguments of system calls: what is no call's is the script's mistake, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packetdrill.runner import run_file
from tests.packetdrill.settings import Settings
from tests.packetdrill.test_runner import SERVER
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError


def judged(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.pkt"
    path.write_text(f"{SERVER}+0 {line}\n")
    run_file(path, Settings(), "linux-7")


@pytest.mark.parametrize(
    "line",
    [
        "write(4) = 0",
        "setsockopt(4, SOL_TCP) = 0",
        "close() = 0",
        "fcntl(4) = 0",
        "write(4, ..., -5) = 0",
        "write(4, ..., 99999999999) = 0",
        "sendmsg(4, {msg_name(...)=...}, 0) = 0",
        "poll([4], 1, 0) = 0",
        "poll([{events=1}], 1, 0) = 0",
        "writev(4, ..., 1) = 0",
        "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1}], msg_control=[{cmsg_level=6}]}, 0) = 0",
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(ScriptError, match="line 9"):
        judged(tmp_path, line)


@pytest.mark.parametrize("line", ["start(4) = 0", "flow_of(4) = 0", "__init__(4) = 0", "write(4, ..., 1) = FOO"])
def test_what_is_no_call_is_not_applicable(tmp_path: Path, line: str) -> None:
    with pytest.raises(NotApplicable):
        judged(tmp_path, line)


def test_options_hold_ints_of_32_bits_and_may_be_shorter(tmp_path: Path) -> None:
    judged(tmp_path, "setsockopt(4, SOL_TCP, TCP_NODELAY, [4294967296], 4) = 0")
    judged(tmp_path, "setsockopt(4, SOL_IP, IP_TOS, [4], 1) = 0")
    judged(tmp_path, "setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=99999999999}, 8) = 0")
    with pytest.raises(Mismatch, match="EINVAL"):
        judged(tmp_path, "setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 2) = 0")
