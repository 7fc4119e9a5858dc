"""Names of nodes, links and interfaces, and the order in which everything is numbered."""

from __future__ import annotations

import re

from netemu.errors import BadInput

NAME = re.compile(r"[a-z][a-z0-9]{0,8}")
INTERFACE_LENGTH = 15
"""Longest name of a Linux interface: IFNAMSIZ - 1 (include/uapi/linux/if.h)."""


def check_name(name: object, place: str) -> str:
    """``name`` if it may name a node: ``^[a-z][a-z0-9]{0,8}$``."""
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise BadInput(
            f"{place}: the node name {name!r} is not allowed; use a lower-case letter followed by up to 8"
            " lower-case letters or digits, such as 'h1'"
        )
    return name


def natural_key(name: str) -> tuple[tuple[tuple[int, str], ...], str]:
    """Sorts ``h2`` before ``h10``; names that differ only by leading zeros still have one order."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts), name


def interface_name(node: str, index: int) -> str:
    """``<node>-eth<index>``, as Mininet names interfaces, counted from 0 on every node."""
    name = f"{node}-eth{index}"
    if len(name) > INTERFACE_LENGTH:
        raise BadInput(
            f"node {node}: its interface {name!r} is longer than {INTERFACE_LENGTH} characters, the most that Linux"
            " allows; give the node a shorter name or fewer links"
        )
    return name


def link_name(a: str, b: str) -> str:
    """``<a>-<b>`` with the ends in natural order; unambiguous because no node name holds a hyphen."""
    first, second = sorted((a, b), key=natural_key)
    return f"{first}-{second}"
