"""A finished run as claims see it: its plan, its manifest and its tables, selected by flow, interface and host.

Every selection leaves a line of evidence, so that a claim's result says which rows its number is from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import BadInput
from netemu.experiment.claims import NotObservable
from netemu.recording.layout import Recording
from netemu.recording.tables import TABLES
from netemu.specs import AgentSpec, Plan, from_json

if TYPE_CHECKING:
    import polars as pl

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Run:
    """Read access to one run directory after analysis; tables are read when first asked for."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.plan: Plan = from_json(recording.plan.read_bytes(), Plan, str(recording.plan))
        self.manifest: dict[str, Any] = msgspec.json.decode(recording.manifest.read_bytes())
        self.evidence: list[str] = []
        self._tables: dict[str, pl.DataFrame] = {}

    @property
    def kernel_release(self) -> tuple[int, int, int]:
        """The release of the Linux that ran, as numbers to compare: ``run.kernel_release >= (6, 5)``.

        What a distribution appends is left out: ``6.18.5-amd64`` is ``(6, 18, 5)``.

        :raises NotObservable: the manifest names no release.
        """
        release = str(self.manifest.get("kernel_details", {}).get("release", ""))
        found = _RELEASE.match(release)
        if found is None:
            raise NotObservable(f"the manifest's kernel release {release!r} is no version")
        self.evidence.append(f"manifest.json, kernel release {release}")
        return int(found[1]), int(found[2]), int(found[3] or 0)

    @property
    def virtual_time(self) -> bool:
        """Whether work took no time in this run, so that nothing in it can show contention for a processor."""
        return (self.manifest.get("guest") or {}).get("time") == "virtual"

    def table(self, name: str) -> pl.DataFrame:
        """The whole table ``name`` of :mod:`netemu.recording.tables`."""
        if name not in self._tables:
            import polars as pl

            if name not in TABLES:
                raise BadInput(f"no table is called {name!r}; there are {', '.join(TABLES)}")
            self._tables[name] = pl.read_parquet(self.recording.tables / f"{name}.parquet")
        self.evidence.append(f"tables/{name}.parquet")
        return self._tables[name]

    def agent(self, name: str) -> AgentSpec:
        """The plan's agent ``name``, such as ``"bulk.client"``."""
        for agent in self.plan.agents:
            if agent.name == name:
                return agent
        raise BadInput(f"the plan has no agent {name!r} (it has {', '.join(a.name for a in self.plan.agents)})")

    def port(self, flow: str) -> int:
        """The server's port of ``flow``."""
        return int(self.agent(f"{flow}.server").args["port"])

    def _check_capture(self, interface: str) -> None:
        """A misspelt interface is a mistake in the experiment, and not something that the run does not show."""
        captures = [capture.interface for capture in self.plan.captures]
        if interface not in captures:
            raise BadInput(f"the run captures no {interface!r} (captures: {', '.join(captures) or 'none'})")

    def connection(self, flow: str, at: str) -> dict[str, Any]:
        """The one connection of ``flow`` in the capture ``at``, as a row of ``connections``.

        :raises BadInput: the plan has no such flow or capture.
        :raises NotObservable: the capture holds no such connection, or several.
        """
        import polars as pl

        self._check_capture(at)

        rows = self.table("connections").filter(
            (pl.col("capture") == at) & pl.col("server").str.ends_with(f":{self.port(flow)}")
        )
        self.evidence.append(f"capture {at}, flow {flow}")
        if rows.height != 1:
            raise NotObservable(f"capture {at} holds {rows.height} connections of flow {flow!r}, not one")
        return rows.row(0, named=True)

    def packets(self, flow: str, at: str, direction: int | None = None) -> pl.DataFrame:
        """The packets of ``flow``'s connection in capture ``at``, in order; ``direction`` 0 is client to server."""
        import polars as pl

        connection = self.connection(flow, at)["connection"]
        rows = self.table("packets").filter((pl.col("capture") == at) & (pl.col("connection") == connection))
        return rows if direction is None else rows.filter(pl.col("direction") == direction)

    def rows(self, table: str, flow: str, at: str, direction: int) -> pl.DataFrame:
        """The rows of ``table`` (``path_mtu``, ``windows``, ``sender``) about ``flow``'s ``direction``, by time."""
        import polars as pl

        connection = self.connection(flow, at)["connection"]
        chosen = (pl.col("capture") == at) & (pl.col("connection") == connection) & (pl.col("direction") == direction)
        return self.table(table).filter(chosen).sort("t_ns", maintain_order=True)

    def transits(self, flow: str, at: str, direction: int) -> pl.DataFrame:
        """What became of ``flow``'s packets of ``direction``, whose sender's capture is ``at``."""
        import polars as pl

        connection = self.connection(flow, at)["connection"]
        return self.table("transits").filter(
            (pl.col("capture") == at) & (pl.col("connection") == connection) & (pl.col("direction") == direction)
        )

    def sends(self, agent: str) -> pl.DataFrame:
        """The send() calls of ``agent`` (such as ``"bulk.client"``) that took payload, each followed to its ACK."""
        import polars as pl

        return self.table("sends").filter(pl.col("agent") == self.agent(agent).name)

    def icmp(self, at: str, flow: str | None = None) -> pl.DataFrame:
        """ICMP and ICMPv6 messages in capture ``at``, of all connections or of ``flow``'s."""
        import polars as pl

        self._check_capture(at)
        rows = self.table("icmp").filter(pl.col("capture") == at)
        if flow is None:
            return rows
        return rows.filter(pl.col("connection") == self.connection(flow, at)["connection"])

    def sockets(self, flow: str, side: str = "client") -> pl.DataFrame:
        """The samples of ``flow``'s socket on its ``"client"`` or ``"server"`` host (listeners excluded), in time."""
        import polars as pl

        agent = self.agent(f"{flow}.{side}")
        column = "remote" if side == "client" else "local"
        port = f":{self.port(flow)}"
        return (
            self.table("sockets")
            .filter((pl.col("host") == agent.host) & pl.col(column).str.ends_with(port) & (pl.col("state") != "LISTEN"))
            .sort("t_ns")
        )

    def rtt(self, flow: str, at: str, direction: int = 0) -> pl.DataFrame:
        """The RTT samples of ``flow``'s data in ``direction``, as the capture ``at`` shows them."""
        import polars as pl

        connection = self.connection(flow, at)["connection"]
        return self.table("rtt").filter(
            (pl.col("capture") == at) & (pl.col("connection") == connection) & (pl.col("direction") == direction)
        )

    def calls(self, agent: str) -> pl.DataFrame:
        """The system calls of ``agent`` (such as ``"bulk.client"``) in time."""
        import polars as pl

        return self.table("calls").filter(pl.col("agent") == self.agent(agent).name)

    def wire(self, link: str, direction: str | None = None) -> pl.DataFrame:
        """The account of ``link``'s wire without the lab's probes; ``direction`` is ``"a_to_b"`` or ``"b_to_a"``."""
        import polars as pl

        links = [one.name for one in self.plan.links]
        if link not in links:
            raise BadInput(f"the topology has no link {link!r} (links: {', '.join(links)})")
        rows = self.table("wires").filter((pl.col("link") == link) & ~pl.col("probe"))
        self.evidence.append(f"wire {link}")
        return rows if direction is None else rows.filter(pl.col("direction") == direction)

    def counter(self, host: str, name: str) -> int:
        """By how much the counter ``name`` (nstat's name) of ``host`` grew during the traffic."""
        import polars as pl

        rows = self.table("counters").filter((pl.col("host") == host) & (pl.col("counter") == name))
        self.evidence.append(f"counter {name} of {host}")
        if rows.height != 1:
            raise NotObservable(f"the kernel shows no counter {name!r} on {host}")
        row = rows.row(0, named=True)
        return int(row["after"]) - int(row["before"])
