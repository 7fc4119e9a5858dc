"""Where each thing lies in a run's directory.

A Recording is this directory: what a kernel left (manifest, plan, captures, agents, samples, wires) and, after
analysis, tables, figures, claims and the report. Nothing else keeps the layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recording:
    """The paths inside one run's directory ``root``; no path is made by naming it."""

    root: Path

    def make_directories(self) -> None:
        """Make those that a kernel fills: captures, agents, samples, wires."""
        for directory in (self.captures, self.agents, self.samples, self.wires):
            directory.mkdir(exist_ok=True)

    @property
    def manifest(self) -> Path:
        """``manifest.json``: plan hash, tools, kernel, effective settings, validity; written last by a kernel."""
        return self.root / "manifest.json"

    @property
    def execution(self) -> Path:
        """``execution.json``: the kernel's account, until the manifest holds it (:mod:`netemu.recording.account`)."""
        return self.root / "execution.json"

    @property
    def plan(self) -> Path:
        """``plan.json``: the Plan that was executed."""
        return self.root / "plan.json"

    @property
    def captures(self) -> Path:
        """``captures/``: one ``<interface>.pcapng`` per captured interface."""
        return self.root / "captures"

    @property
    def agents(self) -> Path:
        """``agents/``: one ``<agent>.jsonl`` per agent."""
        return self.root / "agents"

    @property
    def samples(self) -> Path:
        """``samples/``: ``sockets.jsonl``, ``counters.jsonl``, ``trace.jsonl``."""
        return self.root / "samples"

    @property
    def wires(self) -> Path:
        """``wires/``: one ``<link>.jsonl`` per link, the account of every packet."""
        return self.root / "wires"

    @property
    def tables(self) -> Path:
        """``tables/``: one ``<table>.parquet`` per table of :mod:`netemu.recording.tables`."""
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        """``figures/``: ``<figure>.{pdf,svg,png}`` and ``.xpl``."""
        return self.root / "figures"

    @property
    def claims(self) -> Path:
        """``claims.json``: every claim with its measured and expected value."""
        return self.root / "claims.json"

    @property
    def report(self) -> Path:
        """``report.html``: one self-contained page."""
        return self.root / "report.html"

    @property
    def repeat(self) -> Path:
        """``repeat.json``: the summary of several runs, with ``figures/``, in a directory of its own beside theirs."""
        return self.root / "repeat.json"

    @property
    def log(self) -> Path:
        """``log.txt``: what the run printed and did, in order."""
        return self.root / "log.txt"
