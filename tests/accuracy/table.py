"""Counts as precision and recall, as lines of text and as JSON; and whether they reach what is asked."""

from __future__ import annotations

from typing import Any

from tests.accuracy.batch import CLASSES, TOOLS, UNTOLD, Score
from tests.accuracy.kernel_truth import RETRANSMISSIONS

TARGET = 0.99


def precision(score: Score, tool: str, name: str) -> float | None:
    """Of what the tool said, the share that is true; None when it said nothing or cannot."""
    said = score.said[tool, name]
    return score.right[tool, name] / said if said else None


def recall(score: Score, tool: str, name: str) -> float | None:
    """Of what is true, the share that the tool said; None when there is none, or it cannot."""
    if name in UNTOLD.get(tool, ()) or not score.truths[name]:
        return None
    return score.right[tool, name] / score.truths[name]


def f1(score: Score, tool: str, name: str) -> float:
    """Harmonic mean of precision and recall: one number to compare tools by; 0 where a tool is never right."""
    said_or_true = score.said[tool, name] + score.truths[name]
    return 2 * score.right[tool, name] / said_or_true if said_or_true else 0.0


def below_target(score: Score) -> list[str]:
    """Classes in which netemu misses what is asked: 0.99 both ways for each retransmission class, and tshark's F1."""
    missed = []
    for name in CLASSES:
        ours = (precision(score, "netemu", name), recall(score, "netemu", name))
        low = name in RETRANSMISSIONS and any(ratio is not None and ratio < TARGET for ratio in ours)
        if low or f1(score, "netemu", name) < f1(score, "tshark", name):
            missed.append(name)
    return missed


def figures(score: Score) -> dict[str, Any]:
    """The same for machines."""
    classes = {
        name: {"truths": score.truths[name]}
        | {tool: {"precision": precision(score, tool, name), "recall": recall(score, tool, name)} for tool in TOOLS}
        for name in CLASSES
    }
    apart = {"ipv6": figures(score.six)} if score.six is not None else {}
    return {
        "flows": score.flows,
        "packets": score.packets,
        "not_observable": dict(score.unobservable),
        "classes": classes,
        "below_target": below_target(score),
    } | apart


def lines(kernel: str, score: Score) -> list[str]:
    """A table for people: one line per class."""
    unobservable = score.unobservable.total()
    text = [
        f"{kernel}: {score.flows} flows, {score.packets} packets; {unobservable} hosts whose truth is not observable",
        f"{'':<20}{'truths':>8}" + "".join(f"{tool:>18}" for tool in TOOLS) + "   target",
        f"{'':<20}{'':>8}" + f"{'precision recall':>18}" * len(TOOLS),
    ]
    missed = below_target(score)
    for name in CLASSES:
        cells = "".join(
            f"{_show(precision(score, tool, name)):>11}{_show(recall(score, tool, name)):>7}" for tool in TOOLS
        )
        target = f">= {TARGET}, F1 of tshark" if name in RETRANSMISSIONS else "F1 of tshark"
        text.append(f"{name:<20}{score.truths[name]:>8}{cells}   {target}{'  MISSED' if name in missed else ''}")
    return text


def _show(ratio: float | None) -> str:
    return "-" if ratio is None else f"{int(ratio * 10_000) / 10_000:.4f}"
