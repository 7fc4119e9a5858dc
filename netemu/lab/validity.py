"""When a run may be believed: the reasons that make it void or degraded, each with the figure it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.lab.binomial import is_explained
from netemu.specs import FixedLoss, LinkDirection, Plan

LATENESS_NS = 1_000_000
"""A relay that sends 1 packet in 100 later than this has changed the delay that was asked for."""

MISSED_SAMPLES_RATIO = 0.1
"""A sampler that misses more was starved of processor time, and so were the hosts."""

BINOMIAL_CHANCE = 1 / 16_000
"""A true binomial leaves its band on one link in so many; seeds are fixed, so a plan that leaves it does so always."""


@dataclass(slots=True)
class Validity:
    """Collected reasons; a run with a void reason is void, else one with a degradation is degraded."""

    voids: list[str] = field(default_factory=list)
    degradations: list[str] = field(default_factory=list)


def judge_members(summaries: Mapping[str, Mapping[str, Any]], validity: Validity) -> None:
    """What the recorders' summaries say about the run."""
    for name, summary in summaries.items():
        validity.voids.extend(f"{name}: {reason}" for reason in summary.get("void", []))
        validity.degradations.extend(f"{name}: {reason}" for reason in summary.get("degraded", []))
    sampler = summaries.get("sampler")
    if sampler is not None:
        samples, missed = sampler["samples"], sampler["missed"]
        if missed > MISSED_SAMPLES_RATIO * (samples + missed):
            validity.degradations.append(
                f"sampler: {missed} of {samples + missed} samples were missed, the machine was busy"
            )


def judge_wires(plan: Plan, wires: Mapping[str, Any], validity: Validity, stolen_ns: int = 0) -> None:
    """Whether each wire lost what it was asked to lose, and was on time; from the wire's own account.

    ``stolen_ns``: the processor time that a hypervisor withheld meanwhile, told where a wire was late.
    """
    late = False
    for link in plan.links:
        summary = wires.get(link.name)
        if summary is None:
            validity.voids.append(f"link {link.name}: its wire left no account")
            continue
        for name, direction in (("a_to_b", link.a_to_b), ("b_to_a", link.b_to_a)):
            account = summary["directions"][name]
            _judge_direction(f"link {link.name} {name}", direction, account, validity)
            late = late or _is_late(account)
    if late and stolen_ns:
        validity.degradations.append(
            f"meanwhile a hypervisor withheld {stolen_ns / 1e6:.0f} ms of this machine's processor time"
        )


def _is_late(account: Mapping[str, Any]) -> bool:
    late_ns = account.get("lateness_p99_ns")
    return late_ns is not None and late_ns > LATENESS_NS


def _judge_direction(place: str, direction: LinkDirection, account: Mapping[str, Any], validity: Validity) -> None:
    packets, lost = account["packets"], account["dropped"].get("drop_loss", 0)
    ratio = direction.loss.ratio if isinstance(direction.loss, FixedLoss) and not direction.schedule else None
    if ratio is not None and not is_explained(lost, packets, ratio, BINOMIAL_CHANCE):
        validity.voids.append(f"{place}: loss asked {ratio:.4g}, wire lost {lost} of {packets}")
    validity.degradations.extend(f"{place}: {rule} never met its packet" for rule in account.get("unmet_drops", []))
    if _is_late(account):
        validity.degradations.append(
            f"{place}: 1 packet in 100 left the wire more than {account['lateness_p99_ns'] / 1e6:.2f} ms late"
            f" (tolerance {LATENESS_NS / 1e6:g} ms)"
        )
