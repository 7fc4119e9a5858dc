"""The scenarios that have names, by what they are about; together they cover the mechanisms that a guest can show.

In virtual time computing takes none, so nobody holds a socket while packets arrive: which context sends (M10), the
backlog (M13) and servers under load (M26) have no scenario.
"""

from __future__ import annotations

from netemu.errors import BadInput
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.accecn import ACCECN
from netemu.fidelity.scenarios.connections import CONNECTIONS
from netemu.fidelity.scenarios.corners import CORNERS
from netemu.fidelity.scenarios.fastopen import FASTOPEN
from netemu.fidelity.scenarios.loss import LOSS
from netemu.fidelity.scenarios.mtu import MTU
from netemu.fidelity.scenarios.opening import OPENING
from netemu.fidelity.scenarios.queues import QUEUES
from netemu.fidelity.scenarios.receiving import RECEIVING
from netemu.fidelity.scenarios.sending import SENDING
from netemu.fidelity.scenarios.settings import SETTINGS
from netemu.fidelity.scenarios.socket_calls import SOCKET_CALLS
from netemu.fidelity.scenarios.timers import TIMERS
from netemu.fidelity.scenarios.windows import WINDOWS

NAMED: tuple[Scenario, ...] = (
    *SENDING,
    *LOSS,
    *QUEUES,
    *MTU,
    *RECEIVING,
    *CONNECTIONS,
    *OPENING,
    *FASTOPEN,
    *ACCECN,
    *CORNERS,
    *TIMERS,
    *WINDOWS,
    *SETTINGS,
    *SOCKET_CALLS,
)


def named(name: str) -> Scenario:
    """The scenario of that name; :class:`BadInput` tells those that there are."""
    for scenario in NAMED:
        if scenario.name == name:
            return scenario
    raise BadInput(f"--only {name!r}: there is no such scenario; there are {', '.join(one.name for one in NAMED)}")
