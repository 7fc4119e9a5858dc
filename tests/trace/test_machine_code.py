"""Object code from a file into memory, called by address."""

from __future__ import annotations

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import pytest

from netemu.trace import machine_code

CODE = """
define i32 @less(ptr %result, ptr %raised, i64 %a, i64 %b) {
  %difference = sub i64 %a, %b
  store i64 %difference, ptr %result
  %second = getelementptr i8, ptr %result, i64 8
  %small = icmp slt i64 %a, %b
  %byte = zext i1 %small to i8
  store i8 %byte, ptr %second
  ret i32 0
}
define i32 @fails(ptr %result, ptr %raised, i64 %a) {
  ret i32 7
}
"""


def object_code(text: str) -> bytes:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(jit=True)
    made: bytes = machine.emit_object(llvm.parse_assembly(text))
    return made


def test_a_function_gives_numbers_and_truths_by_their_types() -> None:
    less = machine_code.load(object_code(CODE), "less", ["int64", "bool"], several=True, count=2)
    assert less(3, 5) == (-2, True)
    assert less(2**62, -1) == (2**62 + 1, False)
    first = machine_code.load(object_code(CODE.replace("@less", "@first")), "first", ["int64"], several=False, count=2)
    assert first(1, 1) == 0


def test_code_that_says_that_it_failed_is_no_result() -> None:
    fails = machine_code.load(object_code(CODE.replace("@less", "@other")), "fails", [], several=False, count=1)
    with pytest.raises(AssertionError, match="status 7"):
        fails(1)


def test_the_processor_has_a_name_and_features() -> None:
    name, features = machine_code.processor().split(" ", 1)
    assert name and "+" in features
