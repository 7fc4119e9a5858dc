"""Where the machine code of the analysis is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import netemu.trace.show
from netemu.trace.compiled import cache_directory, is_compiled, mark_compiled


def test_a_named_directory_is_used_and_stale_code_in_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETEMU_COMPILED", str(tmp_path))
    assert cache_directory().parent == tmp_path
    stale = tmp_path / "compiled-0123456789abcdef"
    stale.mkdir()
    subprocess.run([sys.executable, "-c", "import netemu.trace.compiled"], check=True)
    assert list(tmp_path.iterdir()) == [cache_directory()]


def test_whether_machine_code_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETEMU_COMPILED", str(tmp_path))
    cache_directory().mkdir()
    assert not is_compiled()
    (cache_directory() / "trace_0").mkdir()
    (cache_directory() / "trace_0" / "engine.scan-1.py311.nbi").touch()  # of one function, where others may lack theirs
    assert not is_compiled()
    mark_compiled()
    assert is_compiled()


def test_a_directory_that_cannot_be_is_one_clear_line_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "x.pcap").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "netemu", "analyze", str(tmp_path / "x.pcap")],
        env={**os.environ, "NETEMU_COMPILED": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "the compiled analysis cannot be kept there: Not a directory; set NETEMU_COMPILED" in done.stderr


def test_what_is_left_out_of_the_digest_compiles_nothing() -> None:
    sources = list(Path(netemu.trace.show.__path__[0]).glob("*.py"))
    assert len(sources) > 5
    assert [path.name for path in sources if "numba" in path.read_text() or "trace.compiled" in path.read_text()] == []
