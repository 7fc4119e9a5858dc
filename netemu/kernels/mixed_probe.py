"""Crossing links proved before traffic: one guest sends, another receives; their times are brought together here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from netemu.kernels.mixed_guests import PartGuests
from netemu.lab.part import crossing_targets
from netemu.lab.probe import KINDS, Record, Trial, prove, shape_of
from netemu.lab.tsc import Offset
from netemu.specs import LinkSpec, Plan
from netemu.topology.wiring import derive_wiring

STEP_S = 120.0
"""The longest a step of probing may take."""


class CrossingLinks:
    """The links between guests; ``offsets``: what each guest's clock shows more than ours, in the guests' order."""

    def __init__(self, plan: Plan, links: Sequence[LinkSpec], guests: PartGuests, offsets: Sequence[Offset]) -> None:
        self._guests = guests
        self._offsets_ns = [offset.ns for offset in offsets]
        self._links = [link.name for link in links]
        self._records = {target.number: Record(target) for target in crossing_targets(derive_wiring(plan), links)}

    def prove(self) -> list[dict[str, Any]]:
        """Measure delay, rate, MTU and held memory of every direction, as :func:`netemu.lab.probe.probe_links`.

        :raises VoidRun: a quantity is not as asked, three times over.
        """
        self._guests.tell("refused", links=self._links)
        refused: dict[int, bool] = {}
        for answer in self._guests.wait("refused", STEP_S):
            refused |= {int(number): value for number, value in answer["refused"].items()}
        prove(self._records, refused, lambda kind, target: Trial(target, shape_of(kind, target)), self._run)
        return [record.as_dict() for record in self._records.values()]

    def _run(self, trials: Sequence[Trial], load_per_s: float) -> None:
        """Have the guests send, wait for what is on its way, and fill in what they report, on our clock."""
        if not trials:
            return
        by_number = {trial.target.number: trial for trial in trials}
        self._guests.tell("send", kind=trials[0].shape.kind, targets=list(by_number), load_per_s=load_per_s)
        wait_ns = 0
        for offset_ns, answer in zip(self._offsets_ns, self._guests.wait("sent", STEP_S), strict=True):
            for number, sent in answer["sent"].items():
                _note_sent(by_number[int(number)], sent, offset_ns)
                wait_ns = max(wait_ns, sent["wait_ns"])
        time.sleep(wait_ns / 1e9)
        self._guests.tell("collect")
        for offset_ns, answer in zip(self._offsets_ns, self._guests.wait("came", STEP_S), strict=True):
            for number, kind, frame, ip_bytes, t_ns in answer["came"]:
                trial = by_number.get(number)
                if trial is not None and kind == KINDS[trial.shape.kind]:
                    trial.realtime_came_ns.setdefault(frame, t_ns - offset_ns)
                    trial.mtu_came |= ip_bytes == trial.target.passing_mtu_bytes


def _note_sent(trial: Trial, sent: Mapping[str, Any], offset_ns: int) -> None:
    trial.realtime_sent_ns.update((frame, when - offset_ns) for frame, when in enumerate(sent["sent_ns"]))
    trial.held_bytes.extend([] if sent["held_bytes"] is None else [sent["held_bytes"]])
    trial.late_fed = sent["late_fed"]
