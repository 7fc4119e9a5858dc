"""A switch as the lab's bridge: a static forwarding table, no time of its own, and silence about what is too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from netemu.sim.port import VLAN_BYTES

if TYPE_CHECKING:
    from netemu.sim.port import Port
    from netemu.sim.wire import Frame


class Switch:
    """``behind``: destination address (6 bytes) -> the port that it is behind."""

    __slots__ = ("_behind",)

    def __init__(self, behind: Mapping[bytes, Port]) -> None:
        self._behind = dict(behind)

    def receiver(self, port: Port) -> Callable[[Frame], None]:
        """What takes the frames that come in at ``port``."""

        def forward(frame: Frame) -> None:
            to = self._behind.get(frame[0][:6])
            # br_dev_queue_push_xmit() drops what is longer than the port it would leave by, and tells nobody.
            if to is not None and to is not port and frame[1].length <= to.mtu_bytes + VLAN_BYTES:
                to.send(frame)

        return forward
