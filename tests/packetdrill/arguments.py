"""Arguments of system calls as the host takes them."""

from __future__ import annotations

import errno
import struct

from netemu.stack.uaccess import Unmapped
from tests.packetdrill.symbols import number
from tests.packetdrill.syntax import Dots, Expression, Items, Struct, Text
from tests.packetdrill.verdict import NotApplicable, ScriptError

_LINGER = struct.Struct("=ii")
_MOST_BYTES = 1 << 30


def size(expression: Expression, line: int) -> int:
    """How many bytes a buffer has.

    :raises ScriptError: no buffer is as long as that.
    """
    size = number(expression)
    if not 0 <= size <= _MOST_BYTES:
        raise ScriptError(line, f"a buffer of {size} bytes")
    return size


def _s32(value: int) -> int:
    """A number as an int holds it."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def _is_null(expression: Expression) -> bool:
    """Whether a buffer is a null pointer instead of one that the host may choose."""
    return not isinstance(expression, Dots) and number(expression) == 0


def memory(expression: Expression, size: int) -> bytes:
    """What a buffer to be sent holds."""
    return Unmapped(size) if _is_null(expression) else bytes(size)


def room(expression: Expression, size: int) -> int | Unmapped:
    """How much a buffer to be read into takes."""
    return Unmapped(size) if _is_null(expression) else size


def vector_bytes(expression: Expression, line: int) -> int:
    """All bytes of ``[{..., 100}, {..., 200}]``."""
    if not isinstance(expression, Items):
        raise ScriptError(line, "a vector of buffers is missing")
    total = 0
    for entry in expression.values:
        if not isinstance(entry, Items) or len(entry.values) != 2:
            raise ScriptError(line, "a buffer of a vector is {..., size}")
        if _is_null(entry.values[0]):
            raise NotApplicable("a null pointer in a vector of buffers")
        total += size(entry.values[1], line)
    return total


def control(expression: Expression | None, line: int) -> list[tuple[int, int, int]] | None:
    """Control messages as (level, type, number); None: the script does not say."""
    if expression is None:
        return None
    if not isinstance(expression, Items):
        raise ScriptError(line, "msg_control is a list")
    found = []
    for entry in expression.values:
        fields = [entry.get(f"cmsg_{name}") for name in ("level", "type", "data")] if isinstance(entry, Struct) else []
        numbers = [number(value) for value in fields if value is not None]
        if len(numbers) != 3:
            raise ScriptError(line, "a control message is {cmsg_level=, cmsg_type=, cmsg_data=}")
        found.append((numbers[0], numbers[1], numbers[2]))
    return found


def option_value(expression: Expression, size: int) -> int | bytes:
    """An option's value as the host takes it: an integer, or bytes."""
    if size < 0:
        raise NotApplicable("an option of negative length")
    if isinstance(expression, Text):
        return expression.value.encode("latin-1")[:size].ljust(size, b"\0")
    if isinstance(expression, Struct):
        onoff, linger = expression.get("onoff"), expression.get("linger")
        if onoff is not None and linger is not None:
            return _LINGER.pack(_s32(number(onoff)), _s32(number(linger)))
    if isinstance(expression, Items) and len(expression.values) == 1:
        value = _s32(number(expression.values[0]))
        return value if size >= 4 else (value & 0xFFFFFFFF).to_bytes(4, "little")[:size]
    raise NotApplicable("an option's value of that kind")


def named(code: int) -> str:
    """An errno's symbol."""
    return errno.errorcode.get(code, str(code))
