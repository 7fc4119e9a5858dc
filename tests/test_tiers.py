"""The rules of the source tree: imports go down the tiers, heavy and impure modules stay where they belong.

The tiers are those that the docstring of ``netemu/__init__.py`` draws; nothing else states them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import netemu

ROOT = Path(netemu.__file__).parent
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

FOUNDATION = "errors"
"""The one module that everything may import, its neighbours in T0 included."""

SCAPY_ONLY_IN = "packet/scapy_io.py"
PURE_PACKAGES = ("link", "stack", "sim")
IMPURE_MODULES = {"time", "random", "socket", "scapy", "secrets", "datetime"}

TESTED_ELSEWHERE = {
    "__init__.py": "the version and a docstring, checked by tests/test_repository.py",
    "__main__.py": "calls netemu.cli.main, run as `python -m netemu` by tests/test_repository.py",
}
"""Files without a test file of their name, each with the reason; an ``__init__`` that only re-exports needs none."""


@cache
def tiers() -> dict[str, int]:
    """Package or module -> tier, read from the docstring of ``netemu/__init__.py``."""
    found = {}
    for number, names in re.findall(r"\bT(\d)((?: [a-z_]+)+)", netemu.__doc__ or ""):
        found.update(dict.fromkeys(names.split(), int(number)))
    return found


@cache
def sources() -> dict[str, ast.Module]:
    """Path below netemu/ -> syntax tree, for every source file."""
    paths = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(), str(path)) for path in paths}


def unit_of(path: str) -> str:
    """The package or top-level module a file belongs to: ``link/queue.py`` -> ``link``, ``units.py`` -> ``units``."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imports(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of each import anywhere in a file, those inside functions included."""
    package = ["netemu", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def netemu_unit(name: str) -> str | None:
    """The package or module of netemu that a dotted name lies in; None for other libraries."""
    parts = name.split(".")
    if parts[0] != "netemu":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in {unit_of(path) for path in sources()} else "__init__"


def violation(importer: str, imported: str) -> str | None:
    """Why ``importer`` may not import ``imported`` (both packages or top-level modules), or None."""
    if imported in (importer, "__init__", FOUNDATION):
        return None
    ranks = tiers()
    if ranks[imported] < ranks[importer]:
        return None
    kind = "a sibling" if ranks[imported] == ranks[importer] else "upwards"
    return f"{importer} (T{ranks[importer]}) imports {imported} (T{ranks[imported]}): {kind}"


def listing(lines: list[str]) -> str:
    """All of them, one a line: each failure is seen at once."""
    return "\n" + "\n".join(sorted(set(lines)))


def test_the_drawing_states_a_tier_for_everything_in_the_tree() -> None:
    units = {unit_of(path) for path in sources()} - {"__init__", "__main__"}
    assert units - tiers().keys() == set()
    assert tiers()["errors"] == 0
    assert tiers()["cli"] == max(tiers().values())


def test_imports_go_strictly_to_a_lower_tier() -> None:
    wrong = []
    for path, tree in sources().items():
        if path in ("__init__.py", "__main__.py"):
            continue
        for line, name in imports(path, tree):
            unit = netemu_unit(name)
            why = None if unit is None else violation(unit_of(path), unit)
            if why is not None:
                wrong.append(f"netemu/{path}:{line}: {why}")
    assert not wrong, listing(wrong)


def test_the_rule_refuses_siblings_and_upward_imports() -> None:
    assert violation("lab", "specs") is None
    assert violation("link", "link") is None
    assert violation("trace", "topology") == "trace (T2) imports topology (T2): a sibling"
    assert violation("units", "cli") == f"units (T0) imports cli (T{tiers()['cli']}): upwards"


def test_netemu_itself_imports_nothing_when_it_is_imported() -> None:
    """Agents put the directory of netemu on their path and must start in milliseconds."""
    outside = [line for line, _ in module_level_imports("__init__.py")]
    assert outside == []


def test_scapy_is_imported_by_one_module() -> None:
    places = {
        path for path, tree in sources().items() for _, name in imports(path, tree) if name.split(".")[0] == "scapy"
    }
    assert places <= {SCAPY_ONLY_IN}


def test_decisions_about_packets_have_no_clock_no_chance_and_no_socket_of_their_own() -> None:
    wrong = [
        f"netemu/{path}:{line}: {name}"
        for path, tree in sources().items()
        if unit_of(path) in PURE_PACKAGES
        for line, name in imports(path, tree)
        if name.split(".")[0] in IMPURE_MODULES
    ]
    assert not wrong, listing(wrong)


def test_agents_need_the_standard_library_alone() -> None:
    """They run as ``python -S -s``; what they import of netemu must hold to the same rule."""
    wrong = []
    pending = [path for path in sources() if unit_of(path) == "agents"]
    seen: set[str] = set()
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        for line, name in module_level_imports(path):
            top = name.split(".")[0]
            if top == "netemu":
                pending += files_of(name)
            elif top not in sys.stdlib_module_names:
                wrong.append(f"netemu/{path}:{line}: {name}")
    assert not wrong, listing(wrong)
    assert any(unit_of(path) == "agents" for path in seen)


def module_level_imports(path: str) -> list[tuple[int, str]]:
    """Imports that happen when the file is loaded; for agents themselves, those inside functions too."""
    tree = sources()[path]
    if unit_of(path) == "agents":
        return list(imports(path, tree))
    outside = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return list(imports(path, ast.Module(body=list(outside), type_ignores=[])))


def files_of(name: str) -> list[str]:
    """The files that importing a dotted name of netemu executes, packages' ``__init__`` included."""
    parts = name.split(".")[1:]
    found = []
    for depth in range(len(parts) + 1):
        base = "/".join(parts[:depth])
        found += [f"{base}/__init__.py".lstrip("/"), f"{base}.py"]
    return [path for path in found if path in sources()]


def test_files_and_functions_are_small() -> None:
    large = []
    for path, tree in sources().items():
        lines = len((ROOT / path).read_text().splitlines())
        if lines > MAX_FILE_LINES:
            large.append(f"netemu/{path}: {lines} lines (at most {MAX_FILE_LINES})")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    large.append(
                        f"netemu/{path}:{node.lineno}: {node.name}: {length} lines (at most {MAX_FUNCTION_LINES})"
                    )
    assert not large, listing(large)


def only_reexports(tree: ast.Module) -> bool:
    """Whether a file holds nothing but a docstring, imports and ``__all__``."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"])
        for node in tree.body
    )


def test_every_source_file_has_a_test_file_of_its_name() -> None:
    tests = ROOT.parent / "tests"
    paths = {path.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}
    names = {Path(path).name for path in paths}
    stems = Counter(Path(path).stem for path in sources())
    untested = []
    for path, tree in sources().items():
        if path in TESTED_ELSEWHERE or (Path(path).name == "__init__.py" and only_reexports(tree)):
            continue
        # A package's own files are tested under the package's name: agents/__main__.py by test_agents.py.
        own = Path(path).stem.startswith("__")
        name = f"test_{Path(path).parent.name if own else Path(path).stem}.py"
        mirrored = Path(path).with_name(name).as_posix()
        if mirrored not in paths and (name not in names or (stems[Path(path).stem] > 1 and not own)):
            untested.append(f"netemu/{path}: no tests/{mirrored}")
    assert not untested, listing(untested)


def test_no_blanket_handler_and_no_shell() -> None:
    """``except Exception`` hides mistakes, ``shell=True`` runs what a name says; a handler that re-raises is none."""
    wrong = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
                if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                    wrong.append(f"netemu/{path}:{node.lineno}: except {ast.unparse(node.type) if node.type else ''}")
            elif isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
                wrong.append(f"netemu/{path}:{node.value.lineno}: shell={ast.unparse(node.value)}")
    assert not wrong, listing(wrong)
