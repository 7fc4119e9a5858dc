"""Full queues: a flow that slow-starts into a small one loses what found no room (M07, M11)."""

from __future__ import annotations

from netemu.experiment import bulk
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.sending import CUBIC, NARROW, RENO, SHORT

FAST = {"rate": "20Mbit/s", "delay": "10ms", "queue": "10p"}

QUEUES = (
    Scenario(
        "queue_netem",
        ("M07", "M11"),
        "slow start fills a queue of 20 packets behind the kernel's own wire",
        (NARROW,),
        (bulk("one", "h1", "h2", size=300_000, sender=RENO),),
    ),
    Scenario(
        "queue_netem_cubic",
        ("M07", "M11"),
        "the same, cubic and longer",
        (NARROW,),
        (bulk("one", "h1", "h2", size=600_000, sender=CUBIC),),
    ),
    Scenario(
        "queue_relay",
        ("M07", "M11"),
        "slow start fills a queue of 20 packets of a relay",
        ({**NARROW, "backend": "relay"},),
        (bulk("one", "h1", "h2", size=300_000, sender=RENO),),
    ),
    Scenario(
        "queue_bytes",
        ("M07", "M11"),
        "a queue of 30 kB, cubic",
        ({**NARROW, "queue": "30kB"},),
        (bulk("one", "h1", "h2", size=400_000, sender=CUBIC),),
    ),
    Scenario(
        "queue_meets",
        ("M07", "M11"),
        "each pair of segments reaches the queue in the nanosecond in which another leaves it",
        (FAST,),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
    ),
    Scenario(
        "queue_meets_relay",
        ("M07", "M11"),
        "the same behind a relay",
        ({**FAST, "backend": "relay"},),
        (bulk("one", "h1", "h2", size=150_000, sender=RENO),),
    ),
    Scenario(
        "queue_tiny",
        ("M07", "M11"),
        "a queue of five packets on a slow and long line, behind a router",
        (SHORT, {"rate": "2Mbit/s", "delay": "40ms", "queue": "5p"}),
        (bulk("one", "h1", "h2", size=150_000, sender=CUBIC),),
    ),
    Scenario(
        "queue_two_flows",
        ("M07", "M11"),
        "two flows share a queue of 20 packets behind the kernel's own wire",
        (NARROW,),
        (
            bulk("one", "h1", "h2", size=250_000, sender=RENO),
            bulk("two", "h1", "h2", size=250_000, sender=CUBIC, start="300ms"),
        ),
    ),
    Scenario(
        "queue_two_flows_relay",
        ("M07", "M11"),
        "two flows share a queue of 20 packets of a relay",
        ({**NARROW, "backend": "relay"},),
        (
            bulk("one", "h1", "h2", size=250_000, sender=RENO),
            bulk("two", "h1", "h2", size=250_000, sender=CUBIC, start="300ms"),
        ),
    ),
)
