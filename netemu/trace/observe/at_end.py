"""Rows of flows that only the end of the file completes: kept until then, and put in order.

Where they are too many, those there are come before, in an order of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from netemu.trace.column import Column
from netemu.trace.observe.growing import Growing
from netemu.trace.state import as_words, copied, moved, taken

MOST = 1 << 18
"""Rows that are kept."""


class AtEnd(ABC):
    """One table of :class:`~netemu.trace.observe.together.Together`, whose compiled part is the module ``scan``.

    That has ``FLOW``, the state of a flow; ``ROW``, which begins with the flow; ``ROWS_PER_PACKET`` and
    ``ROWS_PER_FLOW``, the most that a packet and the end of a flow give; and ``finish(state, flows, rows)``.
    """

    table: ClassVar[str]
    scan: ClassVar[ModuleType]
    order: ClassVar[str]
    """Rows have the order of flow, time, and this column."""

    def __init__(self) -> None:
        self.state = Growing(self.scan.FLOW)
        self.rows: Any = np.empty(0, self.scan.ROW)
        self._kept: list[Any] = []
        self._held = 0

    def reserve(self, flows: int, packets: int) -> None:
        """Make room for the rows of so many ``packets``."""
        self.state.grow(flows)
        if self.rows.size < self.scan.ROWS_PER_PACKET * packets:
            self.rows = np.empty(self.scan.ROWS_PER_PACKET * packets, self.scan.ROW)

    def keep(self, count: int) -> None:
        """Keep the rows that a chunk gave."""
        self._kept.append(copied(self.rows[:count]))
        self._held += count

    @property
    def is_full(self) -> bool:
        """Whether so many rows are kept that they should be taken."""
        return self._held > MOST

    def take(self) -> Any:
        """The rows that are kept, in order; none is kept then."""
        found, self._kept, self._held = self._joined(), [], 0
        return self._in_order(found)

    def _in_order(self, rows: Any) -> Any:
        return taken(rows, np.lexsort((rows[self.order], rows["t_ns"], rows["flow"])))

    def _joined(self) -> Any:
        """All rows that are kept."""
        return np.concatenate([as_words(rows) for rows in self._kept]).view(self.rows.dtype).reshape(-1)

    def end(self, flows: int, going_on: Any) -> Any:
        """Every row of the flows that do not go on, in order; ``going_on`` are numbered anew, from 0."""
        self.state.grow(flows)
        rows = np.empty(self.scan.ROWS_PER_FLOW * flows, self.scan.ROW)
        aside = self.state.set_aside(going_on)
        count = self.scan.finish(self.state.address, flows, rows.ctypes.data)
        self.state.restart(aside, flows)
        self._kept.append(rows[:count])
        found = self._joined()
        places = moved(going_on, flows)[found["flow"]]
        stays = taken(found, places >= 0)
        stays["flow"] = places[places >= 0]
        self._kept, self._held = [stays], stays.size
        return self._in_order(taken(found, places < 0))

    @abstractmethod
    def columns(self, rows: Any, origin_ns: int) -> dict[str, Column]:
        """The table's columns beside those that name the flow."""
