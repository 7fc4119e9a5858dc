"""One SHA-256 for what a run recorded, so that "the same run again" is a question with an answer.

``captures`` are the packets with their times. ``everything`` is every file of a run's directory but ``report.html`` and
``log.txt``, and of the manifest all but :data:`PLACE`: where, from which checkout and beside what load it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from netemu.errors import BadInput
from netemu.recording.layout import Recording

Part = Literal["captures", "everything"]
PARTS: tuple[Part, ...] = ("captures", "everything")

PLACE = ("busy_loops", "form", "git", "source", "versions")
"""Keys of a manifest that tell of the place and not of the run."""


def digest(recording: Recording, part: Part = "captures") -> str | None:
    """The SHA-256 over the names and contents of the files that ``part`` means, in the order of their names.

    None where there are none, as for the captures of a plan that asks for no capture.

    :raises BadInput: the manifest is not JSON.
    """
    lines = [f"{found}  {name}\n" for name, found in file_digests(recording, part).items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def file_digests(recording: Recording, part: Part = "everything") -> dict[str, str]:
    """Path below the run's directory -> SHA-256, sorted; what to look at where two digests differ."""
    return {
        path.relative_to(recording.root).as_posix(): hashlib.sha256(_content(path, recording)).hexdigest()
        for path in _files(recording, part)
    }


def _files(recording: Recording, part: Part) -> Iterator[Path]:
    place = recording.captures if part == "captures" else recording.root
    left_out = (recording.report, recording.log)
    yield from sorted(path for path in place.rglob("*") if path.is_file() and path not in left_out)


def _content(path: Path, recording: Recording) -> bytes:
    content = path.read_bytes()
    if path != recording.manifest:
        return content
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise BadInput(f"{path}: not readable as JSON: {error}") from error
    return json.dumps({key: value for key, value in manifest.items() if key not in PLACE}, sort_keys=True).encode()
