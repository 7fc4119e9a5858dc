"""What :mod:`netemu.trace.memory` offers, as code for LLVM: loaded when something is compiled, and never else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.extending import intrinsic, models, register_model
from numba.np import numpy_support

_WORD, _BYTE = ir.IntType(64), ir.IntType(8)
_EIGHT = 8


def _pointer(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """What lies ``offset`` bytes behind address ``base``, told so that LLVM sees how it moves on in a loop."""
    start = builder.inttoptr(base, _BYTE.as_pointer())
    return builder.bitcast(builder.gep(start, [offset]), kind)


class _Words(types.Record):
    """A record of whole numbers, each of which is a word while it is worked on, however many bytes it is kept in.

    A store to one of them leaves those of other names as they were, and LLVM is told so: else every store would make it
    load again what it knows of every other record. Words by address (:data:`word`) may be any of them.
    """

    def typeof(self, key: str) -> Any:
        """The type of a field in compiled code, whatever it is in memory."""
        self.fields[key]
        return types.int64


register_model(_Words)(models.RecordModel)


def _named(builder: Any, access: Any, name: str) -> None:
    """Mark a load or store as one of words of this name (LLVM Language Reference, "tbaa" metadata)."""
    module, zero = builder.module, ir.Constant(_WORD, 0)
    kind = module.add_metadata([name, module.add_metadata(["netemu.trace"]), zero])
    access.set_metadata("tbaa", module.add_metadata([kind, kind, zero]))


def _member(builder: Any, record: Any, value: Any, name: str) -> tuple[Any, Any]:
    """Where the field ``name`` lies, and its type in memory."""
    kind = record.fields[name].type
    return cgutils.get_record_member(builder, value, record.offset(name), ir.IntType(kind.bitwidth)), kind


@lower_getattr_generic(_Words)  # type: ignore[untyped-decorator]
def _get_field(_context: Any, builder: Any, record: Any, value: Any, name: str) -> Any:
    member, kind = _member(builder, record, value, name)
    loaded = builder.load(member, align=kind.bitwidth // 8)
    _named(builder, loaded, name)
    if kind.bitwidth == _WORD.width:
        return loaded
    return builder.sext(loaded, _WORD) if kind.signed else builder.zext(loaded, _WORD)


@lower_setattr_generic(_Words)  # type: ignore[untyped-decorator]
def _set_field(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    record, given = signature.args
    member, kind = _member(builder, record, args[0], name)
    number = context.cast(builder, args[1], given, types.int64)
    if kind.bitwidth < _WORD.width:
        number = builder.trunc(number, ir.IntType(kind.bitwidth))
    _named(builder, builder.store(number, member, align=kind.bitwidth // 8), name)


def record_of(dtype: np.dtype[Any]) -> _Words:
    """The type of such a record in compiled code."""
    like = numpy_support.from_dtype(dtype)
    fields: Any = [(name, {"type": field.type, "offset": field.offset}) for name, field in like.fields.items()]
    return _Words(fields, like.size, like.aligned)


def record_at(dtype: np.dtype[Any], step: int = 0) -> Callable[[int, int], Any]:
    """A compiled function ``(base, index)``: see :func:`netemu.trace.memory.record_at`."""
    record = record_of(dtype)
    size = ir.Constant(_WORD, step or dtype.itemsize)

    def at(_typing: Any, base: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return _pointer(builder, args[0], builder.mul(args[1], size), context.get_value_type(record))

        return record(types.int64, types.int64), generate

    function: Callable[[int, int], Any] = intrinsic(at)
    return function


def loader(bits: int, swap: bool) -> Callable[[int, int], int]:
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


def storer(bits: int) -> Callable[[int, int, int], None]:
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


def prefetcher(write: bool) -> Callable[[int], None]:
    """A compiled function ``(address)``: that memory will be read soon, or written to."""

    def fetch(_typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            number = ir.IntType(32)
            pointer = builder.inttoptr(args[0], _BYTE.as_pointer())
            kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [pointer, *(ir.Constant(number, value) for value in (int(write), 3, 1))])
            return context.get_dummy_value()

        return types.none(types.int64), generate

    function: Callable[[int], None] = intrinsic(fetch)
    return function


def _shift_right(_typing: Any, value: Any, count: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.lshr(args[0], args[1])

    return types.int64(types.int64, types.int64), generate


def _bit_width(_typing: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sub(ir.Constant(_WORD, 64), builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0)))

    return types.int64(types.int64), generate


word, set_word, signed32 = intrinsic(_word), intrinsic(_set_word), intrinsic(_signed32)
shift_right, bit_width = intrinsic(_shift_right), intrinsic(_bit_width)


def _eight(builder: Any, address: Any, bits: int) -> tuple[Any, Any]:
    """The address of eight numbers of ``bits`` side by side, and their type."""
    kind = ir.VectorType(ir.IntType(bits), _EIGHT)
    return builder.inttoptr(address, kind.as_pointer()), kind


def narrower(bits: int) -> Any:
    """A compiled function ``(target, source)``: the lowest bits of eight words, one behind the other."""

    def store(_typing: Any, target: Any, source: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            numbers = builder.load(_eight(builder, args[1], _WORD.width)[0], align=8)
            to, kind = _eight(builder, args[0], bits)
            builder.store(builder.trunc(numbers, kind) if bits < _WORD.width else numbers, to, align=1)
            return context.get_dummy_value()

        return types.none(types.int64, types.int64), generate

    return intrinsic(store)


def wider(bits: int, signed: bool) -> Any:
    """A compiled function ``(target, source)``: eight numbers of ``bits`` as words."""

    def load(_typing: Any, target: Any, source: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            numbers = builder.load(_eight(builder, args[1], bits)[0], align=1)
            to, kind = _eight(builder, args[0], _WORD.width)
            if bits < _WORD.width:
                numbers = builder.sext(numbers, kind) if signed else builder.zext(numbers, kind)
            builder.store(numbers, to, align=8)
            return context.get_dummy_value()

        return types.none(types.int64, types.int64), generate

    return intrinsic(load)
