"""Hostile captures, a few of those that ``python -m tests.bench.bench_hostile`` makes, and the means to notice harm."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.bench.bench_hostile import way_of
from tests.bench.hostile_case import Judge, check_truncations
from tests.bench.hostile_mutations import SAMPLES, Sample, case
from tests.bench.hostile_samples import PACKERS
from tests.trace import dissection as d


def test_a_few_hundred_hostile_files_do_no_harm(tmp_path: Path) -> None:
    judge = Judge(tmp_path / "capture")
    found = Counter(judge.run(case(7, number), way=way_of(number)) for number in range(1, 250))
    assert min(found[kind] for kind in ("whole", "fault", "refused")) > 4


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_whole_files_are_read_whole_however_they_come(tmp_path: Path, sample: Sample) -> None:
    judge = Judge(tmp_path / "capture")
    plain = case(0, 0).__class__(sample.data, sample.name, packed=False, inner=True)
    assert {judge.run(plain, way=way) for way in (0, 1, 2)} == {"whole"}
    for pack in PACKERS.values():
        packed = case(0, 0).__class__(pack(sample.data), sample.name, packed=True, inner=False)
        assert judge.run(packed, way=1) == "whole"


FRAME = d.ethernet(d.ipv4(d.tcp(b"data", options=b"\1" * 8)))
SMALL = {
    "pcap": [d.pcap_header(order=">"), d.record(1, 2, FRAME, order=">"), d.record(1, 3, b"", order=">")],
    "pcapng": [
        *(d.section(d.option(1, b"why")), d.interface(), d.enhanced(1, FRAME), d.block(d.UNKNOWN, b"custom")),
        *(d.section(order=">"), d.interface(order=">"), d.simple(FRAME, order=">")),
    ],
}


@pytest.mark.parametrize("name", SMALL)
def test_every_point_where_a_file_can_be_cut_is_told(tmp_path: Path, name: str) -> None:
    parts = SMALL[name]
    starts = tuple(sum(map(len, parts[:k])) for k in range(len(parts)))
    small = Sample(name, b"".join(parts), starts)
    assert check_truncations(small, tmp_path / "capture") == len(small.data) + 1


def test_one_byte_too_far_ends_the_process() -> None:
    """Without this the guard could be no guard."""
    read = "ctypes.string_at(a.ctypes.data + {}, 1)"
    code = "import ctypes; from tests.bench.hostile_guard import guarded; a = guarded(3); " + read
    for at, ended in ((23, 0), (24, -signal.SIGSEGV)):
        done = subprocess.run([sys.executable, "-c", code.format(at)], check=False, capture_output=True)
        assert done.returncode == ended


def test_cases_are_the_same_each_time() -> None:
    assert [case(3, n) for n in range(40)] == [case(3, n) for n in range(40)]
    assert case(3, 1).data != case(4, 1).data
