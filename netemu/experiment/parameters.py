"""An experiment's declared parameters: defaults, texts for ``--set``, and the values of one run."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from netemu.errors import BadInput

Parser = Callable[[object, str], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One knob: its default, what it means, and how a text is read (None: by the default's type)."""

    default: Any
    help: str
    parse: Parser | None = None

    def read(self, value: object, place: str) -> Any:
        """The value of a text given by ``--set``, or of a value given from Python."""
        if self.parse is not None:
            return self.parse(value, place)
        if isinstance(self.default, bool):
            if str(value).lower() not in ("true", "false"):
                raise BadInput(f"{place}: {value!r} is not true or false")
            return str(value).lower() == "true"
        kind = type(self.default)
        if kind not in (int, float, str):
            raise BadInput(f"{place}: a default of type {kind.__name__} needs a parser in the experiment")
        try:
            return kind(value)
        except (TypeError, ValueError) as error:
            wanted = {int: "a whole number", float: "a number", str: "a text"}[kind]
            raise BadInput(f"{place}: {value!r} is not {wanted}, as its default {self.default!r} is") from error


def resolve(parameters: Mapping[str, Parameter], given: Mapping[str, object]) -> SimpleNamespace:
    """The values of one run: defaults, overridden by ``given``; an unknown name is a :class:`BadInput`."""
    for name in given:
        if name not in parameters:
            near = difflib.get_close_matches(name, parameters, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(parameters)) or "none"
            raise BadInput(f"parameter {name!r} is not declared by the experiment{hint} (declared: {known})")
    values = {
        name: parameter.read(given.get(name, parameter.default), f"parameter {name!r}")
        for name, parameter in parameters.items()
    }
    return SimpleNamespace(**values)
