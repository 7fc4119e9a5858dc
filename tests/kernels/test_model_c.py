"""mypyc's part, in a process of its own: its complaint is what the builder passes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from netemu.compiled import ROOT
from netemu.kernels.model_c import with_constants

CONSTANTS = '''"""Text."""
from __future__ import annotations
A, B = 1, -2
C = A | B << 3
LONG = (
    "x"
)
"""What it is."""
count = 0
twice = 1
twice = 2
TABLE = {A: B}
Alias = A | None
def f() -> None:
    global count
    count += A
'''


def test_constants_are_declared_and_no_line_moves() -> None:
    text = with_constants(CONSTANTS)
    lines = text.splitlines()
    assert len(lines) == len(CONSTANTS.splitlines())
    assert lines[1] == "from __future__ import annotations; from typing import Final as Final_"
    assert lines[2:5] == ["A: Final_ = 1; B: Final_ = -2", "C: Final_ = A | B << 3", "LONG: Final_ = 'x'"]
    assert text.count("Final_") == 5
    names = ("A", "B", "C", "LONG", "count", "twice", "TABLE")
    old, new = dict[str, object](), dict[str, object]()
    exec(CONSTANTS.replace("Alias = A | None", ""), old)
    exec(text.replace("Alias = A | None", ""), new)
    assert [new[name] for name in names] == [old[name] for name in names]


def test_what_mypyc_cannot_compile_is_told_and_ends_the_process(tmp_path: Path) -> None:
    package = tmp_path / "netemu" / "stack"
    package.mkdir(parents=True)
    (tmp_path / "netemu/__init__.py").write_text("")
    (tmp_path / "netemu/errors.py").write_text((ROOT / "errors.py").read_text())
    (tmp_path / "netemu/cache.py").write_text((ROOT / "cache.py").read_text())
    text = (ROOT / "compiled.py").read_text()
    (tmp_path / "netemu/compiled.py").write_text(
        text[: text.index("BESIDE = (")] + "BESIDE = ()\n_ = (" + text[text.index("BESIDE = (") + 10 :]
    )
    (tmp_path / "netemu/kernels").mkdir()
    (tmp_path / "netemu/kernels/__init__.py").write_text("")
    (tmp_path / "netemu/kernels/model_c.py").write_text((ROOT / "kernels/model_c.py").read_text())
    (tmp_path / "netemu/packet").mkdir()
    for name in ("ip", "tcp"):
        (tmp_path / f"netemu/packet/{name}.py").write_text((ROOT / f"packet/{name}.py").read_text())
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("def f(x: int) -> str:\n    return x\n")
    argv = [sys.executable, "-m", "netemu.kernels.model_c", str(tmp_path)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": ""})
    assert done.returncode == 1
    assert 'netemu/stack/one.py:2: error: Incompatible return value type (got "int", expected "str")' in done.stdout
    assert not (tmp_path / "c.json").exists()
