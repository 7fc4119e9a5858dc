"""Arguments of an agent, checked strictly: what is not declared is an error, so is a value out of range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netemu.errors import BadInput

REQUIRED = object()
"""Default of an argument that has none."""


class Arg:
    """One argument: ``kind`` is the type, ``low``/``high`` bound an int, ``choices`` closes a set; None if nullable.

    ``kind`` ``list`` takes anything in it; the program that declares it checks the items in ``check``, a function
    from the value to a text that says what is wrong, or None.
    """

    __slots__ = ("check", "choices", "default", "high", "kind", "low", "meaning", "name")

    def __init__(
        self,
        name: str,
        kind: type,
        default: Any,
        meaning: str,
        *,
        low: int | None = 0,
        high: int | None = None,
        choices: tuple[Any, ...] = (),
        check: Any = None,
    ) -> None:
        self.name, self.kind, self.default, self.meaning = name, kind, default, meaning
        self.low, self.high, self.choices, self.check = low, high, choices, check

    def read(self, value: Any, place: str) -> Any:
        """``value`` when it is allowed; :class:`BadInput` with ``place``, value and what is allowed otherwise."""
        where = f"{place}: argument {self.name!r}"
        if value is None and self.default is None:
            return None
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            raise BadInput(f"{where}: {value!r} is not of type {self.kind.__name__}")
        if self.choices and value not in self.choices:
            raise BadInput(f"{where}: {value!r} is not one of {', '.join(map(repr, self.choices))}")
        if isinstance(value, int) and self.kind is int and not self.choices:
            if self.low is not None and value < self.low:
                raise BadInput(f"{where}: {value} is less than {self.low}")
            if self.high is not None and value > self.high:
                raise BadInput(f"{where}: {value} is more than {self.high}")
        complaint = self.check(value) if self.check else None
        if complaint:
            raise BadInput(f"{where}: {value!r} {complaint}")
        return value


def read_args(given: Mapping[str, Any], declared: Iterable[Arg], place: str) -> dict[str, Any]:
    """Every declared argument with its given or default value.

    Raises :class:`BadInput` for an argument that is unknown, missing, of the wrong type or out of range.
    """
    known = {arg.name: arg for arg in declared}
    for name in given:
        if name not in known:
            raise BadInput(f"{place}: unknown argument {name!r}; it takes {', '.join(sorted(known))}")
    result = {}
    for name, arg in known.items():
        if name in given:
            result[name] = arg.read(given[name], place)
        elif arg.default is REQUIRED:
            raise BadInput(f"{place}: argument {name!r} is missing ({arg.meaning})")
        else:
            result[name] = arg.default
    return result
