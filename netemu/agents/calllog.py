"""The log of an agent's system calls: kept in memory, written as JSON lines in idle moments.

Keys of a line are those of :data:`netemu.recording.tables.CALLS` without ``agent`` and ``host``, which stand in the
header line, plus ``detail`` where a call has more to say.
"""

from __future__ import annotations

import json
import os
from typing import Any

from netemu.agents import files

_RECORDS_PER_FLUSH = 16384  # about 2.5 MB of text
_NS_PER_RECORD = 10_000  # upper bound of what writing one record takes

_Record = tuple[int, str, int | None, int | None, str | None, int, str | None, Any]


class CallLog:
    """Calls of one agent, in order; times are CLOCK_MONOTONIC until they are written relative to ``t0_ns``."""

    def __init__(self, path: str, header: dict[str, Any]) -> None:
        self._path = path
        self._records: list[_Record] = []
        self.t0_ns: int | None = None
        self.calls = 0
        self.errors: dict[str, int] = {}
        self._fd = files.create(path)
        files.write(self._fd, (json.dumps(header) + "\n").encode(), path)

    def add(
        self,
        begin_ns: int,
        call: str,
        blocked_ns: int = 0,
        connection: str | None = None,
        *,
        asked: int | None = None,
        done: int | None = None,
        error: str | None = None,
        detail: Any = None,
    ) -> None:
        """Note one call; ``begin_ns`` on the monotonic clock. Writes only when several MB have gathered."""
        self._records.append((begin_ns, call, asked, done, error, blocked_ns, connection, detail))
        self.calls += 1
        if error is not None:
            self.errors[error] = self.errors.get(error, 0) + 1
        if len(self._records) >= _RECORDS_PER_FLUSH:
            self.flush()

    def idle(self, for_ns: int) -> None:
        """Use a pause of ``for_ns`` to write, if what has gathered can be written within it."""
        if len(self._records) > 256 and len(self._records) * _NS_PER_RECORD < for_ns:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered; :class:`VoidRun` when the disk does not take it."""
        if self.t0_ns is None:
            return
        records, self._records = self._records, []
        text = "".join(_line(record, self.t0_ns) for record in records)
        files.write(self._fd, text.encode(), self._path)

    def close(self) -> None:
        """Write the rest. A run that never started has its calls at their monotonic time."""
        if self.t0_ns is None:
            self.t0_ns = 0
        self.flush()
        os.close(self._fd)


def _line(record: _Record, t0_ns: int) -> str:
    begin, call, asked, done, error, blocked, connection, detail = record
    return (
        f'{{"t_ns":{begin - t0_ns},"call":"{call}"'
        f',"asked_bytes":{"null" if asked is None else asked}'
        f',"done_bytes":{"null" if done is None else done}'
        f',"errno":{"null" if error is None else chr(34) + error + chr(34)}'
        f',"blocked_ns":{blocked}'
        f',"connection":{"null" if connection is None else chr(34) + connection + chr(34)}'
        f"{'' if detail is None else ',' + chr(34) + 'detail' + chr(34) + ':' + json.dumps(detail)}}}\n"
    )
