"""Where the machine code of the analysis is kept."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netemu.trace.show
from netemu.trace.compiled import cache_directory, compiled, entry, entry_of_arrays, is_compiled, mark_compiled
from tests.trace.build import Talk, write_pcap


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
    (cache_directory() / "netemu.trace.track.run.o").touch()  # of one function, where others may lack theirs
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


@compiled
def _twice(number: int) -> int:
    return 2 * number


@entry
def _sum_and_order(a: int, b: int) -> tuple[int, bool]:
    return _twice(a) + _twice(b), a < b


@entry
def _is_odd(number: int) -> bool:
    return number & 1 == 1


@entry
def _nothing(number: int) -> None:
    _twice(number)


@entry_of_arrays
def _largest(numbers: Any) -> Any:
    best = numbers[0]
    for number in numbers:
        best = max(best, _twice(number) // 2)
    return best


def test_numbers_and_truths_come_back_as_such() -> None:
    assert _sum_and_order(3, np.int64(-5)) == (-4, False)
    assert (_is_odd(3), _is_odd(4)) == (True, False)
    assert _nothing(1) is None
    assert _sum_and_order.__name__ == "_sum_and_order"


def test_arrays_of_every_kind_are_taken() -> None:
    assert _largest(np.array([1, 5, 2])) == 5
    assert _largest(np.array([1.5, 0.5])) == 1.5


_STARTED = """
import sys
from pathlib import Path
from netemu.trace.analysis import analyze_to_tables
print(analyze_to_tables([sys.argv[1]], Path(sys.argv[2])).packet_count, "numba" in sys.modules)
"""


def test_an_analysis_whose_machine_code_is_kept_loads_no_numba(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    capture = write_pcap(tmp_path / "a.pcap", talk.records)
    words = [sys.executable, "-c", _STARTED, str(capture), str(tmp_path)]
    first = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    second = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert first[0] == second[0] == "3"
    assert second[1] == "False"
