"""Random loss, fixed or in bursts (Gilbert 1960, Elliott 1963), one decision per packet number."""

from __future__ import annotations

from netemu.link.draws import Draws
from netemu.link.parameters import LossParameters


class LossModel:
    """The two-state chain as netem steps it (net/sched/sch_netem.c, ``loss_gilb_ell``, v6.1).

    The state a packet finds decides its loss; the step to the next state is drawn for the packet too.
    """

    __slots__ = ("_bad", "_losses", "_parameters", "_steps")

    def __init__(self, seed: int) -> None:
        self._losses = Draws(seed, "loss")
        self._steps = Draws(seed, "loss state")
        self._parameters: LossParameters | None = None
        self._bad = False

    def loses(self, parameters: LossParameters, index: int) -> bool:
        """Whether packet ``index`` is lost; the chain begins anew, in the good state, when ``parameters`` change."""
        if parameters is not self._parameters:
            self._parameters = parameters
            self._bad = False
        ratio = parameters.loss_in_bad if self._bad else parameters.loss_in_good
        if parameters.p > 0.0:
            self._bad ^= self._steps.ratio(index) < (parameters.r if self._bad else parameters.p)
        return ratio > 0.0 and self._losses.ratio(index) < ratio
