"""Processor time that a hypervisor withheld from this machine while a guest's traffic went on: no guest can see it."""

from __future__ import annotations

from collections.abc import Callable

from netemu.kernels import Progress
from netemu.lab.stolen import stolen_ns
from netemu.lab.validity import Validity, judge_wires
from netemu.recording.account import add_to_account, read_account
from netemu.recording.layout import Recording
from netemu.specs import Plan

_BEGINS, _ENDS = "traffic of ", "collecting "
"""How the steps of :meth:`netemu.lab.execute.Execution.traffic` begin that frame a run's traffic."""


class Withheld:
    """A run's progress, passed on to ``progress``, and what ``clock`` (ns, growing) showed around its traffic."""

    def __init__(self, progress: Progress, clock: Callable[[], int] = stolen_ns) -> None:
        self._progress = progress
        self._clock = clock
        self._before_ns: int | None = None
        self.ns = 0

    def __call__(self, text: str) -> None:
        """The run says that it began the step ``text``."""
        if text.startswith(_BEGINS):
            self._before_ns = self._clock()
        elif text.startswith(_ENDS) and self._before_ns is not None:
            self.ns = self._clock() - self._before_ns
        self._progress(text)


def tell_withheld(recording: Recording, plan: Plan, withheld_ns: int) -> None:
    """Add ``withheld_ns`` to the guest's account, and the reasons that it gives to think less of the run."""
    account = read_account(recording)
    validity = Validity()
    judge_wires(plan, account["wires"], validity, account["stolen_ns"] + withheld_ns)
    degraded = [*account["degraded"], *(text for text in validity.degradations if text not in account["degraded"])]
    add_to_account(recording, stolen_ns=account["stolen_ns"] + withheld_ns, degraded=degraded)
