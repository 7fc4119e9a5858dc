"""Random numbers of one host, all from its seed: port choice, initial sequence numbers, timestamp offsets."""

from __future__ import annotations

from hashlib import blake2b

_MASK64 = (1 << 64) - 1


class Prng:
    """SplitMix64 (Steele, Lea, Flood 2014), and a keyed hash for what the kernel takes from siphash."""

    __slots__ = ("_key", "_state")

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK64
        self._key = (seed & _MASK64).to_bytes(8, "little")

    def u64(self) -> int:
        """Uniform in [0, 2**64)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK64
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
        return z ^ (z >> 31)

    def u32(self) -> int:
        """get_random_u32."""
        return self.u64() >> 32

    def below(self, ceiling: int) -> int:
        """get_random_u32_below: uniform in [0, ``ceiling``)."""
        return self.u64() % ceiling

    def keyed(self, *parts: object) -> int:
        """64 bits that depend on ``parts`` and the host's secret, always the same for the same ones (siphash)."""
        text = "\0".join(map(str, parts)).encode()
        return int.from_bytes(blake2b(text, digest_size=8, key=self._key).digest(), "little")
