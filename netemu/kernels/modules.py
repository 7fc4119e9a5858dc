"""Modules of kernels, and the order in which they can be loaded without modprobe."""

from __future__ import annotations

import re
from pathlib import Path


def load_order(table: Path, wanted: re.Pattern[str]) -> list[str]:
    """The paths in ``modules.dep`` that match ``wanted``, each after those that it needs."""
    needs = {}
    for line in table.read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    order: list[str] = []
    for path in filter(lambda one: wanted.search(f"/{one}"), needs):
        # depmod lists what a module needs with the innermost last.
        order += [*reversed(needs[path]), path]
    return list(dict.fromkeys(order))
