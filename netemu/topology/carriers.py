"""What the kernel's netem can do exactly, told from a link's description alone: who carries a link follows from it."""

from __future__ import annotations

from netemu.specs import LinkDirection, LinkSpec


def expressible(direction: LinkDirection) -> str | None:
    """Why the kernel's netem cannot do exactly what ``direction`` asks for, or None when it can."""
    rates = [direction.rate_bps, *(change.rate_bps for change in direction.schedule)]
    odd = next((rate for rate in rates if rate is not None and rate % 8), None)
    has_rate = direction.rate_bps is not None
    scheduled = any(change.rate_bps is not None or change.delay_ns is not None for change in direction.schedule)
    reasons = (
        (bool(direction.drops), "netem has no lists of exact drops"),
        (direction.ecn_threshold is not None, "netem has no ECN threshold (it marks in place of random loss)"),
        (has_rate and direction.queue.bytes is not None, "netem's limit counts packets, not bytes"),
        (
            has_rate and direction.duplicate_ratio > 0,
            "netem duplicates only in a tree of one netem, and a rate with its queue needs more",
        ),
        (
            not has_rate and any(rate is not None for rate in rates),
            "a schedule that gives a rate to a link without one has no queue in netem",
        ),
        (
            has_rate and (direction.jitter_ns > 0 or direction.reorder_ratio > 0 or scheduled),
            "netem's queue must stand behind the delay, so with a rate the delay is the same for all packets, and"
            " neither changes",
        ),
        (odd is not None, f"netem's rates are whole bytes per second, {odd} bit/s is not"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def carried_by_kernel(link: LinkSpec) -> bool:
    """Whether a kernel with netem carries ``link`` itself; else a relay does, which puts every packet in anew."""
    directions = (link.a_to_b, link.b_to_a)
    return link.backend == "netem" or (link.backend == "auto" and not any(map(expressible, directions)))
