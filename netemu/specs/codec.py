"""JSON both ways for every spec, with errors that name the place.

The text is canonical: fields in their order, keys of mappings sorted, no spaces that vary, so equal specs have equal
bytes and a hash of the text names the spec. What JSON cannot hold (NaN, infinities, a set) is refused, never
turned into something else; a tuple inside a field of any type is read back as a list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from netemu.errors import BadInput

T = TypeVar("T")


def to_json(spec: object) -> str:
    """The canonical JSON text of a spec, indented by two spaces and ended by a newline.

    :raises BadInput: a value that JSON cannot hold, with the path to it.
    """
    for path, value in _unfit(spec, "$"):
        raise BadInput(f"{type(spec).__name__}: {path}: {value!r} cannot be written as JSON")
    text = msgspec.json.format(msgspec.json.encode(spec, order="deterministic"), indent=2)
    return text.decode() + "\n"


def from_json(text: str | bytes, kind: type[T], place: str) -> T:
    """The spec of type ``kind`` written in ``text``; :class:`BadInput` names ``place`` and the JSON path at fault."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadInput(f"{place}: not a {kind.__name__}: {error}") from error
    except RecursionError as error:
        raise BadInput(f"{place}: not a {kind.__name__}: nested too deeply") from error


def _unfit(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Every value in ``value`` that JSON cannot hold as it is, with the path to it."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _unfit(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _unfit(one, f"{path}.{key}") if _is_text(key) else [(f"{path} (a key)", key)]
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _unfit(one, f"{path}[{index}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, value
    elif value is not None and not isinstance(value, bool | int) and not _is_text(value):
        yield path, value


def _is_text(value: object) -> bool:
    """Whether it is text that UTF-8 can hold: surrogates cannot."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value))
