"""Which attributes a graph, its nodes and its edges may carry, and which of them may differ per direction."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from netemu.errors import BadInput

GRAPH_ATTRIBUTES = ("name", "ipv6")
NODE_ATTRIBUTES = ("role", "kernel", "sysctls", "accept_mtu_black_hole")
LINK_ATTRIBUTES = ("backend", "offloads")
DIRECTION_ATTRIBUTES = (
    "mtu_bytes",
    "rate",
    "overhead",
    "delay",
    "jitter",
    "loss",
    "drops",
    "reorder",
    "duplicate",
    "corrupt",
    "ecn",
    "queue",
    "schedule",
    "cost",
)
"""Each may be one value for both directions, or a mapping ``{"a->b": value, "b->a": value}``."""

Placed = tuple[object, str]
"""A value and the place it stands in, for messages."""


def check_known(given: Iterable[object], allowed: tuple[str, ...], place: str) -> None:
    """Refuse an attribute that is not in ``allowed``, naming the nearest that is."""
    for name in given:
        if name not in allowed:
            raise BadInput(f"{place}: unknown attribute {name!r}; {_suggest(name, allowed)}")


def split_directions(
    attributes: Mapping[str, object], forward: str, backward: str, place: str
) -> tuple[dict[str, Placed], dict[str, Placed]]:
    """The attributes of each direction, each value with its place; ``forward`` is such as ``"h1->r1"``.

    A direction that a mapping leaves out, and a value None, keep the default.
    """
    split: dict[str, dict[str, Placed]] = {forward: {}, backward: {}}
    for name in DIRECTION_ATTRIBUTES:
        value = attributes.get(name)
        if is_per_direction(value):
            assert isinstance(value, Mapping)
            for direction, one in value.items():
                if direction not in split:
                    raise BadInput(
                        f"{place}: {name}: {direction!r} is no direction of this edge; use {forward!r}, {backward!r}"
                    )
                split[direction][name] = (one, f"{place}: {name}[{direction!r}]")
        else:
            for values in split.values():
                values[name] = (value, f"{place}: {name}")
    for values in split.values():
        for name in [name for name, (value, _) in values.items() if value is None]:
            del values[name]
    return split[forward], split[backward]


def is_per_direction(value: object) -> bool:
    """Whether a value is a mapping by direction, told by an arrow in any of its keys."""
    return isinstance(value, Mapping) and any(isinstance(key, str) and "->" in key for key in value)


def _suggest(name: object, allowed: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5) if isinstance(name, str) else []
    listed = f"allowed are {', '.join(allowed)}"
    return f"did you mean {near[0]!r}? ({listed})" if near else listed
