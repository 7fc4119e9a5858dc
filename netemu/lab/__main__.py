"""``python -m netemu.lab DIRECTORY``: execute the plan in DIRECTORY. Runs inside the cage; prints JSON lines.

Each line of standard output is ``{"progress": text}`` or, once and last, ``{"error": class, "message": text}``.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from netemu.errors import NetemuError, VoidRun
from netemu.lab.execute import execute
from netemu.recording.layout import Recording
from netemu.specs import Plan, from_json


def _say(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _progress(text: str) -> None:
    """To whoever watches, and with its time since boot to standard error, which is the run's ``log.txt``."""
    _say({"progress": text})
    print(f"[{time.monotonic():.3f} s] {text}", file=sys.stderr, flush=True)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise VoidRun(f"the run was ended by {signal.Signals(number).name}")


def main() -> int:
    """Execute and report; the exit code is the error's."""
    recording = Recording(Path(sys.argv[1]))
    signal.signal(signal.SIGTERM, _terminated)
    try:
        plan = from_json(recording.plan.read_bytes(), Plan, str(recording.plan))
        execute(plan, recording, _progress)
    except NetemuError as error:
        _say({"error": type(error).__name__, "message": str(error)})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
