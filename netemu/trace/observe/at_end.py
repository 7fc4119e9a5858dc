"""Rows of flows that only the end of the file completes: kept until then, and put in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from netemu.trace.column import Column
from netemu.trace.observe.growing import Growing


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

    def reserve(self, flows: int, packets: int) -> None:
        """Make room for the rows of so many ``packets``."""
        self.state.grow(flows)
        if self.rows.size < self.scan.ROWS_PER_PACKET * packets:
            self.rows = np.empty(self.scan.ROWS_PER_PACKET * packets, self.scan.ROW)

    def keep(self, count: int) -> None:
        """Keep the rows that a chunk gave."""
        self._kept.append(self.rows[:count].copy())

    def end(self, flows: int) -> Any:
        """Every row, in order."""
        self.state.grow(flows)
        rows = np.empty(self.scan.ROWS_PER_FLOW * flows, self.scan.ROW)
        count = self.scan.finish(self.state.address, flows, rows.ctypes.data)
        found = np.concatenate([*self._kept, rows[:count]])
        return found[np.lexsort((found[self.order], found["t_ns"], found["flow"]))]

    @abstractmethod
    def columns(self, rows: Any, origin_ns: int) -> dict[str, Column]:
        """The table's columns beside those that name the flow."""
