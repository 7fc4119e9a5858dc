"""The models' sources as C: what mypyc writes, in a process of its own, since mypyc prints and exits as it likes.

``python -m netemu.kernels.model_c SHOP``: the sources in ``SHOP/sources``, C files in ``SHOP/c``, and in
``SHOP/c.json`` which of them are to be compiled, with which directories of headers.

One thing is added to the sources, which mypyc cannot know: a module's constants are constants (:func:`with_constants`).
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from netemu.compiled import GROUP, ROOT, module_names, source_of

_SETTINGS = "[mypy]\nignore_missing_imports = true\ncheck_untyped_defs = true\n"
_CONSTANTS = ("netemu.packet.ip", "netemu.packet.tcp")
"""Modules that stay as they are, and whose constants compiled ones take."""
_FUTURE = "from __future__ import annotations\n"


def with_constants(text: str) -> str:
    """The source with every module-level name that is bound once, to a literal, declared ``Final``; no line moves.

    ``A, B = 1, 2`` becomes ``A: Final = 1; B: Final = 2``. Python takes it as before; mypyc puts the value where the
    name stands, in every module that imports it, instead of looking it up.
    """
    tree = ast.parse(text)
    bound = Counter(name for node in ast.walk(tree) for name in _bound_by(node))
    lines = text.splitlines(keepends=True)
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = _pairs(node.targets[0], node.value)
            if pairs and all(bound[name] == 1 for name, _ in pairs):
                said = "; ".join(f"{name}: Final_ = {ast.unparse(value)}" for name, value in pairs)
                last = node.end_lineno or node.lineno
                lines[node.lineno - 1 : last] = [f"{said}\n", *["\n"] * (last - node.lineno)]
    return "".join(lines).replace(_FUTURE, f"{_FUTURE[:-1]}; from typing import Final as Final_\n", 1)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a node binds in its module, or that a function of the module may bind."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.Global):
        yield from node.names
    elif isinstance(node, ast.alias):
        yield node.asname or node.name
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """(name, literal) of an assignment of nothing but literals to nothing but names; empty for any other."""
    if isinstance(target, ast.Name):
        return [(target.id, value)] if _is_literal(value) else []
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return []
    found = [_pairs(one, other) for one, other in zip(target.elts, value.elts, strict=True)]
    return [pairs[0] for pairs in found] if all(len(pairs) == 1 for pairs in found) else []


def _is_literal(value: ast.expr) -> bool:
    """Whether it is an integer, a text, a truth value, or what constants and operators make of them."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | str)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.USub | ast.Invert) and _is_operand(value.operand)
    return isinstance(value, ast.BinOp) and _is_operand(value.left) and _is_operand(value.right)


def _is_operand(value: ast.expr) -> bool:
    return (isinstance(value, ast.Name) and value.id.isupper()) or _is_literal(value)


def main(shop: Path) -> int:
    """Write the files; mypyc itself ends the process where a source is not what it can compile."""
    from mypyc.build import mypycify

    sources = shop / "sources"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT, sources / ROOT.name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    settings = shop / "mypy.ini"
    settings.write_text(_SETTINGS)
    files = [source_of(name).relative_to(ROOT.parent) for name in module_names()]
    for file in (*files, *(source_of(name).relative_to(ROOT.parent) for name in _CONSTANTS)):
        (sources / file).write_text(with_constants((sources / file).read_text()))
    os.chdir(sources)
    options = [f"--config-file={settings}", f"--cache-dir={shop / 'mypy_cache'}", *map(str, files)]
    library, *_ = mypycify(options, multi_file=True, group_name=GROUP, target_dir=str(shop / "c"))
    made = {"sources": sorted(library.sources), "include_dirs": library.include_dirs}
    (shop / "c.json").write_text(json.dumps(made, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
