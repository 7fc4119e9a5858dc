"""What ``netemu topo show`` is given, as a network: a file, or a call of one of the builders in ``topologies``."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput, NetemuError

if TYPE_CHECKING:
    import networkx as nx

    from netemu.topology import Network


def load_network(argument: str, weight: str | None) -> Network:
    """The network of a ``.graphml``, ``.json`` or ``.py`` file, of a run's ``plan.json``, or of a builder's call.

    :param weight: what routes minimise; None: hops, or what the experiment says.
    :raises BadInput: neither file nor builder, or what it describes is no topology.
    """
    path = Path(argument)
    if path.suffix in (".graphml", ".json", ".py"):
        if path.name == "plan.json":
            return _of_plan(path, weight)
        return _of_python(path, weight) if path.suffix == ".py" else _of_graph_file(path, weight)
    graph = build(argument)
    with _placed(argument):
        return _compile(graph, weight)


def build(call: str) -> nx.Graph:
    """The graph of a builder's call such as ``chain:mtus=1500,1400,1280,1500,delay=10ms`` or ``star:50``.

    Values are separated by commas; one without ``=`` continues the list before it. ``bottleneck.rate=10Mbit/s`` sets
    one attribute of an argument that is a mapping.
    """
    from topologies import BUILDERS

    name, _, rest = call.partition(":")
    if name not in BUILDERS:
        raise BadInput(
            f"{call!r} is neither a file (*.graphml, *.json, *.py) nor a builder; builders are {', '.join(BUILDERS)}"
        )
    arguments = _read_arguments(BUILDERS[name], rest, call)
    graph: nx.Graph = BUILDERS[name](**arguments)
    return graph


def _read_arguments(builder: Callable[..., Any], text: str, call: str) -> dict[str, Any]:
    parameters = inspect.signature(builder).parameters
    positional = [one.name for one in parameters.values() if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    given: dict[str, list[str]] = {}
    last: str | None = None
    for piece in text.split(",") if text else ():
        name, equals, value = piece.partition("=")
        if equals:
            last = name.strip()
            if last in given:
                raise BadInput(f"{call!r}: {last!r} is given twice")
            given[last] = [value.strip()]
        elif last is not None:
            given[last].append(piece.strip())
        elif positional:
            given[positional.pop(0)] = [piece.strip()]
        else:
            raise BadInput(f"{call!r}: {piece!r} has no name; use name=value")
    arguments: dict[str, Any] = {}
    for name, values in given.items():
        outer, _, inner = name.partition(".")
        annotation = str(parameters[outer].annotation) if outer in parameters else ""
        place = f"{call!r}: {name}"
        if annotation.startswith("Mapping"):
            if not inner:
                raise BadInput(f"{place}: name the attribute too, as in {name}.rate=10Mbit/s")
            arguments.setdefault(outer, {})[inner] = _read_value(values, place, "")
        elif inner:
            raise BadInput(f"{place}: {outer!r} has no parts")
        else:
            arguments[name] = _read_value(values, place, annotation)
    return arguments


def _read_value(values: list[str], place: str, annotation: str) -> object:
    read = [_read_one(value) for value in values]
    if annotation.startswith("Sequence"):
        if annotation.startswith("Sequence[int]") and not all(isinstance(one, int) for one in read):
            raise BadInput(f"{place}: {','.join(values)!r} is not a list of whole numbers")
        return tuple(read)
    if len(read) > 1:
        raise BadInput(f"{place}: takes one value, not {len(read)}")
    if annotation.startswith("int") and (isinstance(read[0], bool) or not isinstance(read[0], int)):
        raise BadInput(f"{place}: {values[0]!r} is not a whole number")
    return values[0] if annotation == "str" else read[0]


def _read_one(text: str) -> object:
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text)


def _of_graph_file(path: Path, weight: str | None) -> Network:
    from netemu.topology import read_graph

    graph = read_graph(path)
    with _placed(str(path)):
        return _compile(graph, weight)


def _of_plan(path: Path, weight: str | None) -> Network:
    from netemu.specs import Plan, from_json
    from netemu.topology import Network

    if weight is not None:
        raise BadInput(f"{path}: --weight: a plan has its routes already")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    plan = from_json(content, Plan, str(path))
    return Network(plan.nodes, plan.links, plan.routes, plan.accept)


def _of_python(path: Path, weight: str | None) -> Network:
    """An experiment's network for its default parameters, or the module's ``topology`` or ``graph``."""
    from netemu.experiment.experiment import Experiment
    from netemu.experiment.load import execute_file

    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    module = vars(execute_file(path))
    experiments = [value for value in module.values() if isinstance(value, Experiment)]
    with _placed(str(path)):
        if len(experiments) == 1:
            if weight is not None:
                raise BadInput("--weight: the experiment chooses its own weight")
            return experiments[0].network()
        return _compile(_graph_of(module), weight)


def _graph_of(module: Mapping[str, Any]) -> Any:
    for name in ("topology", "graph"):
        if name in module:
            found = module[name]
            if not callable(found):
                return found
            needed = [
                one.name
                for one in inspect.signature(found).parameters.values()
                if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
            ]
            if needed:
                raise BadInput(f"{name}() needs the arguments {', '.join(needed)}; give them defaults")
            return _call(found, name)
    raise BadInput("declares neither one experiment, nor a graph or function named 'topology' or 'graph'")


def _call(function: Callable[[], Any], name: str) -> Any:
    try:
        return function()
    except NetemuError:
        raise
    except Exception as error:  # the function is the user's, so whatever it raises is
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
        raise BadInput(f"{name}() raises {type(error).__name__}: {error} ({where})") from error


def _compile(graph: nx.Graph, weight: str | None) -> Network:
    from netemu.topology import compile_graph

    return compile_graph(graph, weight="hops" if weight is None else weight)


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Put ``place`` before the message of what is wrong inside."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error
