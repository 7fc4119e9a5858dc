"""Several finished runs of one experiment on one kernel, as claims over runs see them."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.experiment.claims import NotObservable, observed
from netemu.experiment.run import Run
from netemu.recording.digest import Part, digest


class Runs:
    """The runs of ``netemu run --repeat`` that are not void, in the order made.

    Each is a :class:`~netemu.experiment.run.Run`; selections leave their lines of evidence there, digests here.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.evidence: list[str] = []

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def in_virtual_time(self) -> bool:
        """Whether the kernel's clock stood still while anything computed."""
        return all((run.manifest.get("guest") or {}).get("time") == "virtual" for run in self.runs)

    def digests(self, part: Part = "captures") -> dict[int, list[str]]:
        """Seed -> the digest of each of its runs (see :mod:`netemu.recording.digest`).

        :raises NotObservable: a run has no such part, as when its plan asks for no capture.
        """
        self.evidence.append(f"SHA-256 over {part} of {len(self.runs)} runs")
        found: dict[int, list[str]] = {}
        for run in self.runs:
            one = observed(digest(run.recording, part), f"files of {part}")
            found.setdefault(run.plan.seed, []).append(one)
        return found

    def digests_of_one_seed(self, part: Part = "captures") -> list[str]:
        """The digests of the runs with the seed that most runs have.

        :raises NotObservable: no two runs have the same seed.
        """
        most = max(self.digests(part).values(), key=len, default=[])
        if len(most) < 2:
            raise NotObservable("no two of these runs have the same seed (--repeat N --same-seed makes such runs)")
        return most

    def digests_of_all_seeds(self, part: Part = "captures") -> list[str]:
        """The digest of the first run of each seed.

        :raises NotObservable: all runs have the same seed.
        """
        first = [several[0] for several in self.digests(part).values()]
        if len(first) < 2:
            raise NotObservable("all of these runs have the same seed (--repeat N gives each its own)")
        return first
