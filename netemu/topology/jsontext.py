"""JSON read as strictly as RFC 8259 wants it."""

from __future__ import annotations

import json

from netemu.errors import BadInput


def load_json(content: str | bytes, place: str) -> object:
    """A JSON document; duplicate keys, NaN and infinities are refused as JSON's standard does (RFC 8259)."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BadInput(f"{place}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{place}: byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise BadInput(f"{place}: nested too deeply") from error
    except ValueError as error:
        raise BadInput(f"{place}: {error}") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON number")
