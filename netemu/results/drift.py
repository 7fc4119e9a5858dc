"""What changed between two runs of one plan, each quantity with the tolerance beyond which it has drifted.

Sizes and counts that the plan decides are compared exactly. What a real kernel in real time scatters has a
tolerance, stated in :data:`QUANTITIES` and printed with every finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Two values agree when they differ by at most ``absolute`` or by ``relative`` of the first."""

    relative: float
    absolute: float

    def allows(self, before: float, after: float) -> bool:
        """Whether ``after`` is within the tolerance around ``before``."""
        return abs(after - before) <= max(self.absolute, self.relative * abs(before))

    def __str__(self) -> str:
        if self.relative == 0 and self.absolute == 0:
            return "exact"
        return f"±{self.relative:.0%} or ±{self.absolute:g}"


EXACT = Tolerance(0.0, 0.0)
QUANTITIES: dict[str, Tolerance] = {
    "unique_payload_bytes": EXACT,
    "mss_announced_bytes": EXACT,
    "mss_used_bytes": EXACT,
    "path_mtu_bytes": EXACT,
    "window_scale": EXACT,
    "retransmitted_segments": Tolerance(0.2, 3),
    "zero_windows": Tolerance(0.5, 2),
    "rtt_min_ns": Tolerance(0.02, 1_000_000),
    "rtt_median_ns": Tolerance(0.1, 2_000_000),
}
"""Compared for both directions of every connection in every capture."""

DURATION = Tolerance(0.1, 50_000_000)


@dataclass(frozen=True, slots=True)
class Finding:
    """One quantity that drifted: where, before, after, and the tolerance it left."""

    place: str
    quantity: str
    before: str
    after: str
    tolerance: str

    def __str__(self) -> str:
        return f"{self.place}: {self.quantity} was {self.before}, is {self.after} (tolerance {self.tolerance})"


def compare_connections(before: pl.DataFrame, after: pl.DataFrame) -> list[Finding]:
    """Findings over two ``connections`` tables; connections are matched by capture and server, in order."""
    findings: list[Finding] = []
    old, new = _by_place(before), _by_place(after)
    for place in sorted(old.keys() | new.keys()):
        if place not in old or place not in new:
            state = ("absent", "present") if place not in old else ("present", "absent")
            findings.append(Finding(place, "connection", *state, "exact"))
            continue
        _compare(place, old[place], new[place], findings)
    return findings


def _by_place(connections: pl.DataFrame) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in connections.sort("capture", "start_ns", "connection").iter_rows(named=True):
        base = f"{row['capture']}, to {row['server']}"
        number = sum(place.startswith(base) for place in found)
        found[f"{base} #{number + 1}"] = row
    return found


def _compare(place: str, old: Mapping[str, Any], new: Mapping[str, Any], findings: list[Finding]) -> None:
    columns = {f"{side}_{name}": tolerance for name, tolerance in QUANTITIES.items() for side in "ab"}
    for column, tolerance in {**columns, "duration_ns": DURATION}.items():
        one, two = old[column], new[column]
        if (one is None) != (two is None) or (one is not None and not tolerance.allows(one, two)):
            findings.append(Finding(place, column, str(one), str(two), str(tolerance)))


def compare_claims(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Finding]:
    """Claims that hold in one of the two runs and not in the other."""
    now = {claim["name"]: claim["holds"] for claim in after}
    return [
        Finding("claims", claim["name"], str(claim["holds"]), str(now.get(claim["name"])), "exact")
        for claim in before
        if claim["holds"] != now.get(claim["name"])
    ]


def compare_environment(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Finding]:
    """Kernel, versions and settings of the two manifests that differ; they explain the rest."""
    findings = []
    for name in ("kernel_details", "machine_sysctls", "versions"):
        old, new = _flat(before.get(name) or {}), _flat(after.get(name) or {})
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                findings.append(Finding("environment", f"{name}.{key}", str(old.get(key)), str(new.get(key)), "exact"))
    return findings


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, ``config.options.HZ``, so that a finding names the one setting that differs."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
