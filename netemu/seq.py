"""TCP sequence numbers modulo 2**32, compared as the kernel does (``before``/``after``, include/net/tcp.h).

A sequence number is a plain ``int`` in ``[0, 2**32)``; ``<`` between two of them is a mistake, these functions
are the only comparison.
"""

from __future__ import annotations

SEQ_MODULUS = 1 << 32
_HALF = 1 << 31


def seq_add(seq: int, count: int) -> int:
    """``seq`` advanced by ``count`` (may be negative), modulo 2**32 (RFC 9293 section 3.4)."""
    return (seq + count) % SEQ_MODULUS


def seq_diff(a: int, b: int) -> int:
    """The signed distance ``a - b`` in ``[-2**31, 2**31)``: positive when ``a`` is after ``b``."""
    return (a - b + _HALF) % SEQ_MODULUS - _HALF


def before(a: int, b: int) -> bool:
    """Whether ``a`` comes before ``b`` (``before()``, include/net/tcp.h)."""
    return seq_diff(a, b) < 0


def after(a: int, b: int) -> bool:
    """Whether ``a`` comes after ``b`` (``after()``, include/net/tcp.h)."""
    return before(b, a)


def unwrap(seq: int, near: int) -> int:
    """The unbounded number congruent to ``seq`` that lies closest to the unbounded number ``near``."""
    return near + seq_diff(seq % SEQ_MODULUS, near % SEQ_MODULUS)
