"""docs/tables.md is what the schemas say."""

from __future__ import annotations

from netemu.recording import describe
from netemu.recording.tables import TABLES


def test_the_document_is_current() -> None:
    current = describe.DOCUMENT.read_text(encoding="utf-8")
    assert current == describe.document(), "run: .venv/bin/python -m netemu.recording.describe"


def test_every_table_and_column_is_in_it() -> None:
    text = describe.document()
    for name, schema in TABLES.items():
        part = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert all(f"| `{column}` |" in part for column in schema)


def test_every_table_is_introduced() -> None:
    assert describe.ABOUT.keys() == TABLES.keys()


def test_writing_makes_the_file(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(describe, "DOCUMENT", tmp_path / "tables.md")
    assert describe.main() == 0
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") == describe.document()
    assert str(tmp_path / "tables.md") in capsys.readouterr().out
