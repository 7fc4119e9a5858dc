"""What the names of kernels in guests have in common: ``<family>:<kernel>[?<option>=<value>[&...]]``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netemu.errors import BadInput, MissingCapability
from netemu.specs import Plan

_MEMORY = re.compile(r"^(\d+)([MG])$")
_LEAST_BYTES = 128 << 20


def split_name(name: str, family: str, example: str, known: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What stands behind the family in ``name``, and its options; ``known``: each option with what it may be.

    :raises BadInput: nothing stands there (the text shows ``example``), or an option is unknown, empty or given twice.
    """
    given_family, _, rest = name.partition(":")
    kernel, _, query = rest.partition("?")
    if given_family != family or not kernel:
        raise BadInput(f"--kernel {name!r}: write {example}")
    given: dict[str, str] = {}
    for item in query.split("&") if query else []:
        key, _, value = item.partition("=")
        if key not in known or key in given or not value:
            allowed = ", ".join(f"{option}={values}" for option, values in known.items())
            raise BadInput(f"--kernel {name!r}: {item!r}: the options are {allowed}")
        given[key] = value
    return kernel, given


def memory_bytes(text: str, name: str) -> int:
    """The bytes of ``512M`` or ``2G``."""
    match = _MEMORY.match(text)
    size = int(match[1]) << (20 if match[2] == "M" else 30) if match else 0
    if size < _LEAST_BYTES:
        raise BadInput(f"--kernel {name!r}: memory={text!r}: write at least 128M, such as 512M or 2G")
    return size


def with_memory(name: str, memory: str) -> str:
    """``name`` with ``memory`` in place of what it has, if any: ``vm:6.1?cpus=2&memory=4G``."""
    head, _, query = name.partition("?")
    kept = [item for item in query.split("&") if item and not item.startswith("memory=")]
    return f"{head}?{'&'.join([*kept, f'memory={memory}'])}"


def refuse_other_kernels(plan: Plan, name: str) -> None:
    """:class:`MissingCapability` when a node asks for another kernel than ``name``, whose one guest runs them all."""
    for node in plan.nodes:
        if node.kernel not in (None, name):
            raise MissingCapability(
                f"node {node.name!r} asks for kernel {node.kernel!r}; the kernel {name!r} runs every node in"
                " one guest: remove the attribute"
            )
