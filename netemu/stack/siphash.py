"""SipHash-2-4 (Aumasson and Bernstein, 2012), with which Linux makes Fast Open's cookies (lib/siphash.c)."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK


class _State:
    """The four words between rounds."""

    __slots__ = ("v0", "v1", "v2", "v3")

    def __init__(self, key: bytes) -> None:
        low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
        self.v0, self.v1 = low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D
        self.v2, self.v3 = low ^ 0x6C7967656E657261, high ^ 0x7465646279746573

    def mix(self, rounds: int) -> None:
        """So many SipRounds."""
        v0, v1, v2, v3 = self.v0, self.v1, self.v2, self.v3
        for _ in range(rounds):
            v0 = (v0 + v1) & _MASK
            v1 = _rotated(v1, 13) ^ v0
            v0 = _rotated(v0, 32)
            v2 = (v2 + v3) & _MASK
            v3 = _rotated(v3, 16) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = _rotated(v3, 21) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = _rotated(v1, 17) ^ v2
            v2 = _rotated(v2, 32)
        self.v0, self.v1, self.v2, self.v3 = v0, v1, v2, v3

    def absorb(self, word: int) -> None:
        """Take eight bytes in."""
        self.v3 ^= word
        self.mix(2)
        self.v0 ^= word


def siphash(data: bytes, key: bytes) -> int:
    """64 bits that depend on ``data`` and on the 16 bytes of ``key``."""
    state = _State(key)
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        state.absorb(int.from_bytes(data[at : at + 8], "little"))
    state.absorb(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    state.v2 ^= 0xFF
    state.mix(4)
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
