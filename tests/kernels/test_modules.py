"""Modules come after those that they need, each once."""

from __future__ import annotations

import re
from pathlib import Path

from netemu.kernels.modules import load_order

TABLE = """\
kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
kernel/net/802/stp.ko: kernel/net/llc/llc.ko
kernel/net/llc/llc.ko:
kernel/net/802/garp.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
kernel/sound/sound.ko:
"""


def test_modules_come_after_those_they_need(tmp_path: Path) -> None:
    table = tmp_path / "modules.dep"
    table.write_text(TABLE)
    names = [Path(path).stem for path in load_order(table, re.compile("/(bridge|garp)[.]ko"))]
    assert names == ["llc", "stp", "bridge", "garp"]
    assert load_order(table, re.compile("nothing")) == []
