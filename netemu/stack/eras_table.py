"""The table of eras as the docs print it: ``python -m netemu.stack.eras_table > docs/eras.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.stack.eras import DIFFERENCES, ERAS, PROFILES, Difference
from netemu.stack.eras_between import BETWEEN, Between
from netemu.stack.eras_sysctl import SINCE

HEAD = """\
# What differs between the eras

Made by `python -m netemu.stack.eras_table` from the rows that the profiles are made of: what stands here is what runs.
Each row is one field of `netemu.stack.profile.Profile`, or a sysctl's default (`net.`).

"""

SYSCTLS = """\
## Sysctls that an era lacks

A plan that sets one on a model of that era is refused, by the sysctl's name. All others are older than 2.4."""


def markdown() -> str:
    """The document: who judges which era, then a row for each difference with its value in each era and its source."""
    judged = [f"* `{era}` (Linux {PROFILES[era].release}): {PROFILES[era].judgement}" for era in ERAS]
    parts = ["\n".join([*judged, *map(_told, BETWEEN)]), "\n".join(_table(DIFFERENCES)), SYSCTLS, "\n".join(_lacking())]
    return HEAD + "\n\n".join(parts) + "\n"


def _told(one: Between) -> str:
    rows = ", ".join(f"`{field}`" for field in sorted(one.as_older))
    judged = f"* `{one.name}` (Linux {one.release}): {PROFILES[one.name].judgement}."
    return f"{judged} As `{one.newer}`, but as `{one.older}` in the rows {rows}."


def _lacking() -> Iterable[str]:
    yield "| since Linux | sysctls | not in |"
    yield "|---|---|---|"
    for since in dict.fromkeys(SINCE.values()):
        names = [name for name, release in SINCE.items() if release == since]
        eras = [era.removeprefix("linux-") for era in ERAS if names[0] in PROFILES[era].sysctls_lacking]
        yield f"| {since} | {', '.join(f'`{name}`' for name in names)} | {', '.join(eras)} |"


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
