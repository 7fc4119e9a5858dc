"""The table of eras as the docs print it: ``python -m netemu.stack.eras_table > docs/eras.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.stack.eras import DIFFERENCES, ERAS, PROFILES, Difference

HEAD = """\
# What differs between the eras

Made from `netemu/stack/eras.py` by `python -m netemu.stack.eras_table`; the profiles are made from the same rows, so what
stands here is what runs. Each row is one field of `netemu.stack.profile.Profile`, or a sysctl's default (`net.`).

"""


def markdown() -> str:
    """The document: who judges which era, then a row for each difference with its value in each era and its source."""
    judged = [
        f"* `{era}`{_release(era)}: {'judged by ' + ', '.join(PROFILES[era].judged_by) if PROFILES[era].judged_by else '**unjudged**: read, not measured'}"
        for era in ERAS
    ]
    return HEAD + "\n".join(judged) + "\n\n" + "\n".join(_table(DIFFERENCES)) + "\n"


def _release(era: str) -> str:
    return f" (Linux {PROFILES[era].release})"


def _table(rows: Iterable[Difference]) -> Iterable[str]:
    yield f"| what | {' | '.join(era.removeprefix('linux-') for era in ERAS)} | changed in | read in | field |"
    yield f"|---|{'---|' * len(ERAS)}---|---|---|"
    for row in rows:
        values = " | ".join(_text(value) for value in row.values)
        yield f"| {row.what} | {values} | {row.release} | {row.source} | `{row.field}` |"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


if __name__ == "__main__":
    print(markdown(), end="")
