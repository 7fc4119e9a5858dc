"""Kept machine code into memory: object files, linked by LLVM and called by address.

The functions are Numba's (numba/core/callconv.py, CPUCallConv): an address for what is returned, one for what is
raised, then the numbers; 0 says that nothing was raised.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]

_KINDS = {"int64": ctypes.c_int64, "bool": ctypes.c_bool}


@cache
def processor() -> str:
    """For which processor code is made here."""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@cache
def _engine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


_RAISED = ctypes.c_void_p()
_RAISED_AT = ctypes.addressof(_RAISED)
"""Where all functions put what they raise; that they did is told by what they return."""


class Code:
    """A function of machine code that takes whole numbers; other threads of Python run meanwhile."""

    def __init__(self, address: int, returns: Sequence[str], several: bool, count: int) -> None:
        kinds = [_KINDS[name] for name in returns]
        fields = [(f"_{k}", kind) for k, kind in enumerate(kinds or [ctypes.c_void_p])]
        self._result = type("Result", (ctypes.Structure,), {"_fields_": fields})
        self._names = [name for name, _ in fields] if kinds else []
        self._several = several
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *([ctypes.c_int64] * count))
        self._call = prototype(address)

    def __call__(self, *numbers: int) -> Any:
        result = self._result()
        status = self._call(ctypes.addressof(result), _RAISED_AT, *map(int, numbers))
        if status:
            raise AssertionError(f"compiled code ended with status {status}")
        found = tuple(getattr(result, name) for name in self._names)
        if self._several:
            return found
        return found[0] if found else None


def load(object_code: bytes, symbol: str, returns: Sequence[str], several: bool, count: int) -> Code:
    """The function ``symbol`` of ``count`` numbers from an object file; what it refers to is the C library's."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(object_code))
    engine.finalize_object()
    return Code(engine.get_function_address(symbol), returns, several, count)
