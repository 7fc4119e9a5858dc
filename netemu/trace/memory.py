"""Bytes, words and records by address, for compiled code.

The compiled functions share one record of addresses (:data:`netemu.trace.layout.STATE`) and pass records by
pointer. Passing the arrays themselves would copy seven words per array at every call and make compilation ten times
slower. Every address belongs to an array that the caller in Python keeps alive; bounds are the caller's to check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.extending import intrinsic, models, register_model
from numba.np import numpy_support

_WORD, _BYTE = ir.IntType(64), ir.IntType(8)

i64 = cast(Callable[[int], int], np.int64)
"""A constant as a 64-bit number, where Numba would otherwise take a variable's first value for its type."""


def _pointer(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """What lies ``offset`` bytes behind address ``base``, told so that LLVM sees how it moves on in a loop."""
    start = builder.inttoptr(base, _BYTE.as_pointer())
    return builder.bitcast(builder.gep(start, [offset]), kind)


class _Words(types.Record):
    """A record of words. A store to one of them leaves those of other names as they were, and LLVM is told so.

    Else every store would make it load again what it knows of every other record. Words by address (:data:`word`) may
    be any of them.
    """


register_model(_Words)(models.RecordModel)


def _named(builder: Any, access: Any, name: str) -> None:
    """Mark a load or store as one of words of this name (LLVM Language Reference, "tbaa" metadata)."""
    module, zero = builder.module, ir.Constant(_WORD, 0)
    kind = module.add_metadata([name, module.add_metadata(["netemu.trace"]), zero])
    access.set_metadata("tbaa", module.add_metadata([kind, kind, zero]))


@lower_getattr_generic(_Words)  # type: ignore[untyped-decorator]
def _get_field(_context: Any, builder: Any, record: Any, value: Any, name: str) -> Any:
    loaded = builder.load(cgutils.get_record_member(builder, value, record.offset(name), _WORD), align=8)
    _named(builder, loaded, name)
    return loaded


@lower_setattr_generic(_Words)  # type: ignore[untyped-decorator]
def _set_field(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    record, kind = signature.args
    member = cgutils.get_record_member(builder, args[0], record.offset(name), _WORD)
    stored = builder.store(context.cast(builder, args[1], kind, types.int64), member, align=8)
    _named(builder, stored, name)


def record_at(dtype: np.dtype[Any], step: int = 0) -> Callable[[int, int], Any]:
    """A compiled function ``(base, index)``: the record of type ``dtype`` number ``index`` from address ``base``.

    They lie one behind the other, or ``step`` bytes apart: fewer than they are long where their fields are columns.
    """
    like = numpy_support.from_dtype(dtype)
    fields: Any = [(name, {"type": field.type, "offset": field.offset}) for name, field in like.fields.items()]
    record = _Words(fields, like.size, like.aligned)
    size = ir.Constant(_WORD, step or dtype.itemsize)

    def at(_typing: Any, base: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return _pointer(builder, args[0], builder.mul(args[1], size), context.get_value_type(record))

        return record(types.int64, types.int64), generate

    function: Callable[[int, int], Any] = intrinsic(at)
    return function


def _loader(bits: int, *, swap: bool) -> Callable[[int, int], int]:
    """A compiled function ``(base, offset)``: the unsigned number of ``bits`` at that byte, unaligned."""
    kind = ir.IntType(bits)

    def load(_typing: Any, base: Any, offset: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            pointer = _pointer(builder, args[0], args[1], kind.as_pointer())
            value = builder.load(pointer, align=1)
            if swap:
                value = builder.bswap(value)
            return builder.zext(value, _WORD) if bits < 64 else value

        return types.int64(types.int64, types.int64), generate

    function: Callable[[int, int], int] = intrinsic(load)
    return function


byte = _loader(8, swap=False)
le16, le32 = _loader(16, swap=False), _loader(32, swap=False)
be16, be32, be64 = _loader(16, swap=True), _loader(32, swap=True), _loader(64, swap=True)


def _word_pointer(builder: Any, base: Any, index: Any) -> Any:
    return _pointer(builder, base, builder.mul(index, ir.Constant(_WORD, 8)), _WORD.as_pointer())


def _word(_typing: Any, base: Any, index: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(_word_pointer(builder, args[0], args[1]))

    return types.int64(types.int64, types.int64), generate


def _set_word(_typing: Any, base: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(args[2], _word_pointer(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


word: Callable[[int, int], int] = intrinsic(_word)
"""``(base, index)``: the 64-bit word number ``index`` from address ``base``."""
set_word: Callable[[int, int, int], None] = intrinsic(_set_word)
"""``(base, index, value)``: store ``value`` as that word."""


def _storer(bits: int) -> Callable[[int, int, int], None]:
    """A compiled function ``(base, offset, value)``: store the lowest bits at that byte, unaligned, lowest first."""
    kind = ir.IntType(bits)

    def store(_typing: Any, base: Any, offset: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            pointer = _pointer(builder, args[0], args[1], kind.as_pointer())
            value = builder.trunc(args[2], kind) if bits < 64 else args[2]
            builder.store(value, pointer, align=1)
            return context.get_dummy_value()

        return types.none(types.int64, types.int64, types.int64), generate

    function: Callable[[int, int, int], None] = intrinsic(store)
    return function


def _signed32(_typing: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sext(builder.trunc(args[0], ir.IntType(32)), _WORD)

    return types.int64(types.int64), generate


def _prefetch(_typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        pointer = builder.inttoptr(args[0], _BYTE.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.none(types.int64), generate


def _shift_right(_typing: Any, value: Any, count: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.lshr(args[0], args[1])

    return types.int64(types.int64, types.int64), generate


def _bit_width(_typing: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sub(ir.Constant(_WORD, 64), builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0)))

    return types.int64(types.int64), generate


put8, put16, put32, put64 = _storer(8), _storer(16), _storer(32), _storer(64)
prefetch: Callable[[int], None] = intrinsic(_prefetch)
"""``(address)``: that memory will be read soon; any number will do, nothing is read."""
shift_right: Callable[[int, int], int] = intrinsic(_shift_right)
"""``(value, count)``: shifted right by 0 to 63 bits without keeping the sign."""
signed32: Callable[[int], int] = intrinsic(_signed32)
"""``(value)``: its lowest 32 bits as a number with sign."""
bit_width: Callable[[int], int] = intrinsic(_bit_width)
"""How many bits ``value`` takes as a number without sign."""
