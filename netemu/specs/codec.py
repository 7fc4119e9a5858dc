"""JSON both ways for every spec, with errors that name the place.

The text is canonical: keys in the order of the fields, no spaces that vary, so equal specs have equal bytes
and a hash of the text names the spec.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from netemu.errors import BadInput

T = TypeVar("T")


def to_json(spec: object) -> str:
    """The canonical JSON text of a spec, indented by two spaces and ended by a newline."""
    return msgspec.json.format(msgspec.json.encode(spec, order="deterministic"), indent=2).decode() + "\n"


def from_json(text: str | bytes, kind: type[T], place: str) -> T:
    """The spec of type ``kind`` written in ``text``; :class:`BadInput` names ``place`` and the JSON path at fault."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"{place}: not a {kind.__name__}: {error}") from error
