"""``nstat`` of a script: counters since the last look, and what grep finds in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.packetdrill.verdict import NotApplicable

_FLAGS = {"-n", "-a", "-z", "-s", "-r"}


class Nstat:
    """``counters`` as they were when the script looked last."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def output(self, args: list[str], counters: Mapping[str, int]) -> str:
        """What ``nstat args`` prints; it remembers what it has shown.

        :raises NotApplicable: an option that is not known here.
        """
        flags, wanted = {arg for arg in args if arg.startswith("-")}, [arg for arg in args if not arg.startswith("-")]
        letters = {f"-{letter}" for flag in flags for letter in flag[1:]}
        if not letters <= _FLAGS:
            raise NotApplicable(f"nstat {' '.join(args)}")
        before = {} if "-a" in letters else self._seen
        lines = []
        for name, value in counters.items():
            change = value - before.get(name, 0)
            if (change or "-z" in letters or wanted) and (not wanted or name in wanted):
                lines.append(f"{name:<32}{change:<16} 0.0")
        if "-s" not in letters:
            self._seen = dict(counters)
        return "" if "-n" in letters else "".join(f"{line}\n" for line in lines)


def grep(args: list[str], text: str) -> str:
    """The lines of ``text`` that ``grep args`` prints, or that it would without ``-q``.

    :raises NotApplicable: an option that is not known here.
    """
    flags, patterns = {arg for arg in args if arg.startswith("-")}, [arg for arg in args if not arg.startswith("-")]
    letters = {letter for flag in flags for letter in flag[1:]}
    if not letters <= set("qEvwF") or len(patterns) != 1:
        raise NotApplicable(f"grep {' '.join(args)}")
    pattern = re.escape(patterns[0]) if "F" in letters else patterns[0]
    if "w" in letters:
        pattern = rf"\b(?:{pattern})\b"
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise NotApplicable(f"grep {' '.join(args)}: {error}") from error
    return "".join(f"{line}\n" for line in text.splitlines() if bool(found.search(line)) != ("v" in letters))
