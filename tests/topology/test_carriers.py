"""Who carries a link: the kernel's netem where it can do exactly what is asked, else a relay."""

from __future__ import annotations

import pytest

from netemu.specs import DropRule, Endpoint, FixedLoss, GilbertElliott, LinkChange, LinkDirection, LinkSpec, Queue
from netemu.topology.carriers import carried_by_kernel, expressible

FULL = LinkDirection(
    rate_bps=20_000_000,
    overhead_bytes=38,
    delay_ns=10_000_700,
    loss=GilbertElliott(0.01, 0.3, 1.0, 0.001),
    corrupt_ratio=0.001,
    queue=Queue(packets=50),
)


@pytest.mark.parametrize(
    ("direction", "reason"),
    [
        (LinkDirection(), None),
        (FULL, None),
        (LinkDirection(queue=Queue(bytes=5000)), None),
        (LinkDirection(drops=(DropRule("data", (1,)),)), "exact drops"),
        (LinkDirection(ecn_threshold=3), "ECN threshold"),
        (LinkDirection(rate_bps=8000, queue=Queue(bytes=5000)), "packets, not bytes"),
        (LinkDirection(rate_bps=8000, duplicate_ratio=0.1), "duplicates"),
        (LinkDirection(schedule=(LinkChange(1, rate_bps=8000),)), "no queue"),
        (LinkDirection(rate_bps=8000, delay_ns=9, jitter_ns=9), "the same for all packets"),
        (LinkDirection(rate_bps=8000, delay_ns=9, reorder_ratio=0.1), "the same for all packets"),
        (LinkDirection(rate_bps=8000, schedule=(LinkChange(1, delay_ns=1),)), "neither changes"),
        (LinkDirection(rate_bps=8000, schedule=(LinkChange(1, rate_bps=80),)), "neither changes"),
        (LinkDirection(rate_bps=8000, schedule=(LinkChange(1, loss=FixedLoss(0.1)),)), None),
        (LinkDirection(delay_ns=9, jitter_ns=9, schedule=(LinkChange(1, delay_ns=1),)), None),
        (LinkDirection(rate_bps=8001), "8001 bit/s"),
        (LinkDirection(schedule=(LinkChange(1, rate_bps=4),)), "no queue"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_netem_cannot_do_has_a_reason(direction: LinkDirection, reason: str | None) -> None:
    found = expressible(direction)
    assert (found is None) if reason is None else (found is not None and reason in found)


@pytest.mark.parametrize(
    ("backend", "direction", "kernel"),
    [
        ("auto", LinkDirection(), True),
        ("netem", LinkDirection(), True),
        ("relay", LinkDirection(), False),
        ("auto", LinkDirection(drops=(DropRule("data", (1,)),)), False),
    ],
)
def test_a_relay_carries_what_netem_cannot(backend: str, direction: LinkDirection, kernel: bool) -> None:
    ends = [Endpoint(name, f"{name}-eth0", "02:00:00:00:00:01", None, None) for name in ("h1", "h2")]
    link = LinkSpec("h1-h2", *ends, LinkDirection(), direction, backend=backend)  # type: ignore[arg-type]
    assert carried_by_kernel(link) is kernel
