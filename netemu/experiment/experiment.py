"""The Experiment object: what an experiment file declares, and the Plan it becomes for given parameters and seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from netemu.agents.programs import check_args
from netemu.errors import BadInput, NetemuError, Terminated
from netemu.experiment import checks
from netemu.experiment.claims import ClaimResult, NotObservable, Outcome
from netemu.experiment.parameters import Parameter, Parser, resolve
from netemu.experiment.traffic import Flow
from netemu.specs import AgentSpec, CaptureSpec, Plan, ProbeSpec
from netemu.units import parse_time_ns

if TYPE_CHECKING:
    import networkx as nx

    from netemu.experiment.run import Run
    from netemu.experiment.runs import Runs
    from netemu.topology import Network

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Claim:
    """A declared claim: its sentence and the function that judges it."""

    name: str
    judge: Callable[[Run], Outcome]


@dataclass(frozen=True, slots=True)
class ClaimOverRuns:
    """A declared claim about several runs together."""

    name: str
    judge: Callable[[Runs], Outcome]


@dataclass(frozen=True, slots=True)
class FigureRequest:
    """A figure asked for by an experiment: file ``name``, registered ``figure``, and its options."""

    name: str
    figure: str
    options: Mapping[str, Any] = field(default_factory=dict)


class Experiment:
    """A question about a network, declared. Making one, or importing a file that does, runs nothing.

    The decorators :meth:`topology`, :meth:`traffic` and :meth:`claim` register plain functions of the run's
    parameters; :meth:`plan` calls the first two.
    """

    def __init__(
        self,
        name: str,
        *,
        question: str,
        captures: Sequence[str] | None = None,
        snap_bytes: int = 128,
        probes: ProbeSpec | None = None,
        duration: int | str = "60s",
        drain: int | str = "200ms",
        weight: str = "hops",
    ) -> None:
        """Declare an experiment.

        ``captures``: interfaces to capture, such as ``"h1-eth0"``; None: every interface of every host.
        ``weight``: what routes minimise (see :mod:`netemu.topology`).
        """
        self.name = checks.experiment_name(name)
        self.question = question
        self.parameters: dict[str, Parameter] = {}
        self.claims: list[Claim] = []
        self.claims_over_runs: list[ClaimOverRuns] = []
        self.figures: list[FigureRequest] = []
        self.drawing = ""
        self._captures = captures
        self._snap_bytes = snap_bytes
        self._probes = ProbeSpec() if probes is None else probes
        self._duration_ns = parse_time_ns(duration, f"experiment {name!r}, duration")
        self._drain_ns = parse_time_ns(drain, f"experiment {name!r}, drain")
        self._weight = weight
        self._topology: Callable[[SimpleNamespace], nx.Graph] | None = None
        self._traffic: Callable[[SimpleNamespace], Iterable[Flow | AgentSpec]] | None = None

    def parameter(self, name: str, default: Any, help: str, *, parse: Parser | None = None) -> None:
        """Declare a parameter that ``--set NAME=VALUE`` can change."""
        self.parameters[name] = Parameter(default, help, parse)

    def topology(self, function: Function) -> Function:
        """Register ``function(parameters) -> networkx.Graph``."""
        self._topology = function
        return function

    def traffic(self, function: Function) -> Function:
        """Register ``function(parameters) -> iterable of Flow or AgentSpec``."""
        self._traffic = function
        return function

    def claim(self, name: str) -> Callable[[Function], Function]:
        """Register ``function(run) -> Outcome`` as the claim that the sentence ``name`` makes."""
        self._check_new_claim(name)

        def register(function: Function) -> Function:
            self.claims.append(Claim(name, function))
            return function

        return register

    def claim_over_runs(self, name: str) -> Callable[[Function], Function]:
        """Register ``function(runs) -> Outcome``: what ``name`` says of all runs of ``--repeat`` together."""
        self._check_new_claim(name)

        def register(function: Function) -> Function:
            self.claims_over_runs.append(ClaimOverRuns(name, function))
            return function

        return register

    def _check_new_claim(self, name: str) -> None:
        if name in [*(claim.name for claim in self.claims), *(claim.name for claim in self.claims_over_runs)]:
            raise BadInput(f"experiment {self.name!r}: the claim {name!r} is declared twice")

    def figure(self, name: str, figure: str, **options: Any) -> None:
        """Ask for the registered ``figure`` under the file name ``name``; ``flow=`` selects a connection by flow."""
        self.figures.append(FigureRequest(name, figure, options))

    def network(self, given: Mapping[str, object] | None = None) -> Network:
        """The compiled topology for the given parameters."""
        return self._network(resolve(self.parameters, given or {}))

    def plan(self, given: Mapping[str, object] | None = None, seed: int = 1) -> Plan:
        """The Plan for the given parameters and seed; equal arguments give an equal Plan."""
        values = resolve(self.parameters, given or {})
        network = self._network(values)
        addresses = _addresses(network)

        def address_of(host: str, family: int) -> str:
            try:
                return addresses[host, family]
            except KeyError:
                raise BadInput(f"experiment {self.name!r}: host {host!r} has no IPv{family} address") from None

        agents: list[AgentSpec] = []
        for index, item in enumerate(self._call(self._traffic, "traffic", values)):
            if isinstance(item, Flow):
                checks.flow(self.name, item, network)
                agents.extend(item.agents(index, address_of))
            else:
                agents.append(checks.agent(self.name, item))
        checks.agents(self.name, agents, network)
        checks.delays(self.name, network, self._duration_ns)
        return Plan(
            experiment=self.name,
            seed=seed,
            nodes=network.nodes,
            links=network.links,
            routes=network.routes,
            agents=tuple(_complete(agent, self.name) for agent in agents),
            captures=self._capture_specs(network),
            probes=self._probes,
            parameters=dict(vars(values)),
            duration_ns=self._duration_ns,
            drain_ns=self._drain_ns,
            accept=network.accept,
        )

    def judge(self, run: Run) -> list[ClaimResult]:
        """Every claim judged on a finished run, in the order of declaration."""
        return [self._judge(claim.name, claim.judge, run) for claim in self.claims]

    def judge_over_runs(self, runs: Runs) -> list[ClaimResult]:
        """Every claim over several runs, in the order of declaration."""
        return [self._judge(claim.name, claim.judge, runs) for claim in self.claims_over_runs]

    def _judge(self, name: str, judge: Callable[[Any], Outcome], run: Run | Runs) -> ClaimResult:
        run.evidence.clear()
        try:
            outcome = judge(run)
        except NotObservable as reason:
            outcome = Outcome("observable", f"not observable: {reason}", None)
        except BadInput as error:
            raise BadInput(f"claim {name!r}: {error}") from error
        except (NetemuError, Terminated):
            raise
        except (Exception, SystemExit) as error:
            raise BadInput(f"claim {name!r} raised {_where(error)}") from error
        if not isinstance(outcome, Outcome):
            raise BadInput(f"claim {name!r} returned {outcome!r}; return equal(...), within(...) or another Outcome")
        evidence = "; ".join(dict.fromkeys(run.evidence))
        return ClaimResult(name, outcome.expected, outcome.measured, outcome.holds, outcome.value, evidence)

    def _network(self, values: SimpleNamespace) -> Network:
        from netemu.topology import compile_graph

        return compile_graph(self._call(self._topology, "topology", values), weight=self._weight)

    def _call(self, function: Callable[..., Any] | None, what: str, values: SimpleNamespace) -> Any:
        if function is None:
            raise BadInput(f"experiment {self.name!r} declares no {what}; decorate a function with @experiment.{what}")
        try:
            made = function(values)
            return checks.traffic(self.name, made) if what == "traffic" else made
        except (NetemuError, Terminated):
            raise
        except (Exception, SystemExit) as error:
            raise BadInput(f"experiment {self.name!r}: its {what} function raised {_where(error)}") from error

    def _capture_specs(self, network: Network) -> tuple[CaptureSpec, ...]:
        owner = {end.interface: end.node for link in network.links for end in (link.a, link.b)}
        roles = {node.name: node.role for node in network.nodes}
        if self._captures is None:
            wanted = sorted(interface for interface, node in owner.items() if roles[node] == "host")
        else:
            wanted = list(self._captures)
        for interface in wanted:
            if interface not in owner:
                raise BadInput(
                    f"experiment {self.name!r}: capture on {interface!r}, which is no interface of the topology"
                    f" (it has {', '.join(sorted(owner))})"
                )
        return tuple(CaptureSpec(owner[interface], interface, self._snap_bytes) for interface in wanted)


def _addresses(network: Network) -> dict[tuple[str, int], str]:
    """The first address of each node and family, in the order of the links."""
    found: dict[tuple[str, int], str] = {}
    for link in network.links:
        for end in (link.a, link.b):
            for family, address in ((4, end.ipv4), (6, end.ipv6)):
                if address is not None:
                    found.setdefault((end.node, family), address.partition("/")[0])
    return found


def _complete(agent: AgentSpec, experiment: str) -> AgentSpec:
    """The agent with every default of its program written out; a wrong argument is refused here, not in the run."""
    place = f"experiment {experiment!r}, agent {agent.name!r}"
    return msgspec.structs.replace(agent, args=check_args(agent.program, agent.args, place))


def _where(error: BaseException) -> str:
    """``ZeroDivisionError: division by zero (experiments/x.py, line 12)``: the innermost frame that is the user's."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    user = [
        frame
        for frame in frames
        if "/netemu/experiment/" not in frame.filename and "site-packages" not in frame.filename
    ]
    place = f" ({user[0].filename}, line {user[0].lineno})" if user else ""
    return f"{type(error).__name__}: {error}{place}"
