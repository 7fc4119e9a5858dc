"""In a guest: netem's qdiscs made and changed by netlink, as read_qdiscs() and tc show them. Prints one JSON line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from netemu.lab import netem
from netemu.lab.namespace import Namespace
from netemu.lab.netem_netlink import netem_request, read_qdiscs, redirect_requests
from netemu.lab.rtnetlink import LOOPBACK_INDEX
from netemu.specs import FixedLoss, GilbertElliott, LinkDirection, Queue

FULL = LinkDirection(
    rate_bps=20_000_000,
    overhead_bytes=38,
    delay_ns=10_000_703,
    jitter_ns=1_000_001,
    loss=GilbertElliott(0.01, 0.3, 0.9, 0.001),
    corrupt_ratio=0.001,
    reorder_ratio=0.01,
    queue=Queue(packets=50),
)
FAST = LinkDirection(rate_bps=100_000_000_000, delay_ns=5 * 10**9)
PLAIN = LinkDirection(delay_ns=1, loss=FixedLoss(0.013), duplicate_ratio=0.1)
BARE = LinkDirection()


def setting(direction: LinkDirection) -> dict[str, Any]:
    """Put ``direction`` on a loopback, first without chance, then with; what is there and what is off."""
    parameters = netem.parameters_of(direction, "lo")
    phase = parameters.phases[0]
    with Namespace("place") as place:
        for chance in (False, True):
            stages = netem.stages(parameters, phase, chance=chance)
            place.netlink.execute([netem_request(s, LOOPBACK_INDEX, s.name, change=chance) for s in stages])
        place.netlink.execute(redirect_requests(LOOPBACK_INDEX, LOOPBACK_INDEX, "redirection"))
        shown = read_qdiscs(place.netlink, LOOPBACK_INDEX, "lo")

        def tc(*words: str) -> Any:
            with place.entered():
                return json.loads(subprocess.run(["tc", "-j", *words], check=True, capture_output=True).stdout)

        return {
            "mismatches": netem.mismatches(parameters, phase, shown, chance=True),
            "shown": shown,
            "tc": tc("qdisc", "show", "dev", "lo"),
            "filters": tc("filter", "show", "dev", "lo", "ingress"),
        }


if __name__ == "__main__":
    settings = {"full": FULL, "fast": FAST, "plain": PLAIN, "bare": BARE}
    sys.stdout.write(json.dumps({name: setting(direction) for name, direction in settings.items()}) + "\n")
