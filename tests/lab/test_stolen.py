"""The processor time that a hypervisor took."""

from __future__ import annotations

from pathlib import Path

from netemu.lab.stolen import stolen_ns


def test_the_column_of_steal_in_clock_ticks(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 0 0 0 0 0 0 0 99 0 0\n")
    assert stolen_ns(stat) == 2_500_000_000  # 250 ticks of USER_HZ, which is 100


def test_this_machine_has_it_and_it_never_falls() -> None:
    before = stolen_ns()
    assert 0 <= before <= stolen_ns()
