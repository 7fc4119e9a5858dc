"""The docs' table of eras is what the command prints now."""

from __future__ import annotations

from pathlib import Path

from netemu.stack import eras_table
from netemu.stack.eras import DIFFERENCES, ERAS

DOCUMENT = Path(__file__).parents[2] / "docs/eras.md"


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == eras_table.markdown(), "python -m netemu.stack.eras_table > docs/eras.md"


def test_it_has_every_difference_and_says_what_nobody_judged() -> None:
    text, _, lacking = eras_table.markdown().partition("## Sysctls that an era lacks")
    assert "| 2.6.17 | `tcp_mtu_probing`, `tcp_base_mss`, `tcp_workaround_signed_windows` | 2.4 |" in lacking
    for row in DIFFERENCES:
        assert f"| `{row.field}` |" in text
        assert row.source in text
    assert "`linux-2.4` (Linux 2.4.37): unjudged" in text
    assert all(line.count("|") == len(ERAS) + 5 for line in text.splitlines() if line.startswith("| "))
