"""Which system calls there are: name -> function of the stack and the call's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.stack.task import Call

CALLS: dict[str, Callable[..., Call]] = {}
"""Filled by the modules that implement them."""
