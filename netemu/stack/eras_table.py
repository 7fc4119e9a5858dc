"""The table of eras as the docs print it: ``python -m netemu.stack.eras_table > docs/eras.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.stack.eras import DIFFERENCES, ERAS, PROFILES, Difference

HEAD = """\
# What differs between the eras

Made by `python -m netemu.stack.eras_table` from the rows that the profiles are made of: what stands here is what runs.
Each row is one field of `netemu.stack.profile.Profile`, or a sysctl's default (`net.`).

"""


def markdown() -> str:
    """The document: who judges which era, then a row for each difference with its value in each era and its source."""
    judged = [f"* `{era}` (Linux {PROFILES[era].release}): {PROFILES[era].judgement}" for era in ERAS]
    return HEAD + "\n".join(judged) + "\n\n" + "\n".join(_table(DIFFERENCES)) + "\n"


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
