"""The guide to the stack: every file is in it, and what it tells to write works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netemu.stack.profile import profile_from
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.testing import check_congestion_control

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/stack.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def _block(told: str) -> str:
    (found,) = [block for block in BLOCKS if told in block]
    return found


def test_every_file_is_in_the_table() -> None:
    listed = re.findall(r"^\| \[(\w+\.py)\]\(../netemu/stack/\1\) \|", GUIDE, re.MULTILINE)
    files = {path.name for path in (ROOT / "netemu/stack").glob("*.py")} - {"__init__.py"}
    assert sorted(listed) == sorted(files)


def test_the_congestion_control_of_the_guide_keeps_the_contract_in_thirty_lines() -> None:
    code = _block("class Calm")
    body = [line for line in code.split("class Calm")[1].splitlines() if line.strip()]
    assert len(body) <= 30
    namespace: dict[str, object] = {}
    exec(compile(code, "docs/stack.md", "exec"), namespace)
    calm = namespace["Calm"]
    assert isinstance(calm, type)
    check_congestion_control(calm())


def test_the_profile_of_the_guide_is_one() -> None:
    namespace: dict[str, dict[str, object]] = {}
    exec(compile(_block("MINE ="), "docs/stack.md", "exec"), namespace)
    mine = profile_from(namespace["MINE"], "docs/stack.md")
    assert (mine.name, mine.hz, mine.tcp_init_cwnd, mine.judgement) == ("mine", 1000, 20, "unjudged")


@pytest.mark.parametrize(("rtt_us", "grows"), [(20_000, 1), (40_000, -1)])
def test_calm_keeps_a_few_segments_in_the_queue(rtt_us: int, grows: int) -> None:
    namespace: dict[str, type] = {}
    exec(compile(_block("class Calm"), "docs/stack.md", "exec"), namespace)
    calm = namespace["Calm"]()
    sk = TcpSock(LinuxStack("h", profile_from({"name": "x"}, ""), Sysctl(), 1), 2, calm)
    sk.icsk_ca_priv = calm.ca_priv()
    sk.icsk_ca_priv |= {"base_us": 20_000, "rtt_us": rtt_us}
    sk.snd_cwnd = sk.snd_ssthresh = 20
    sk.snd_nxt = 100
    calm.cong_avoid(sk, 50, 1)
    assert sk.snd_cwnd == 20 + grows
    calm.cong_avoid(sk, 60, 1)
    assert sk.snd_cwnd == 20 + grows
