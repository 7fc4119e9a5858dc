"""Where things lie in a run's directory."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.layout import Recording

PARTS = ("manifest", "plan", "captures", "agents", "samples", "wires", "tables", "figures", "claims", "report", "log")


def test_every_part_lies_below_the_run_under_a_name_of_its_own(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "run")
    places = [getattr(recording, part) for part in PARTS]
    assert {place.parent for place in places} == {tmp_path / "run"}
    assert len(set(places)) == len(PARTS)


def test_naming_a_part_makes_nothing(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "run")
    for part in PARTS:
        getattr(recording, part)
    assert list(tmp_path.iterdir()) == []


def test_the_documents_name_every_part() -> None:
    text = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    recording = Recording(Path("run"))
    assert [part for part in PARTS if f"`{getattr(recording, part).name}" not in text] == []
