"""Code blocks ``%{ assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd }%``: Python's assertions over tcp_info, and no more."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from textwrap import dedent
from typing import Any

from netemu.stack import sock, tcp_info
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError

_STATES = (
    "TCP_ESTABLISHED", "TCP_SYN_SENT", "TCP_SYN_RECV", "TCP_FIN_WAIT1", "TCP_FIN_WAIT2", "TCP_TIME_WAIT", "TCP_CLOSE",
    "TCP_CLOSE_WAIT", "TCP_LAST_ACK", "TCP_LISTEN", "TCP_CLOSING", "TCP_CA_Open", "TCP_CA_Disorder", "TCP_CA_CWR",
    "TCP_CA_Recovery", "TCP_CA_Loss",
)  # fmt: skip
_OPTIONS = {name: getattr(tcp_info, name) for name in dir(tcp_info) if name.startswith("TCPI_OPT_")}
SYMBOLS: Mapping[str, Any] = (
    {name: getattr(sock, name) for name in _STATES}
    | {
        "TCPI_OPT_SYN_DATA": 32,
        "TCPI_OPT_USEC_TS": 64,
        "TCPI_OPT_TFO_CHILD": 128,
    }
    | _OPTIONS
)
"""What a code block may name besides tcp_info."""

_FUNCTIONS = {"abs": abs, "min": min, "max": max, "len": len, "int": int, "round": round, "float": float, "str": str}
_ALLOWED = (
    ast.Assert, ast.Assign, ast.Expr, ast.If, ast.Pass, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp,
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.JoinedStr, ast.FormattedValue, ast.expr_context, ast.boolop,
    ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


class Snippets:
    """The code blocks of one script, which share what they assign."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = dict(SYMBOLS)

    def run(self, text: str, line: int, info: Mapping[str, Any]) -> None:
        """Run a block that begins on ``line`` over ``info``.

        :raises Mismatch: an assertion fails.
        :raises ScriptError: it fails otherwise.
        :raises NotApplicable: it is more than assertions, or names what tcp_info has not here.
        """
        self._names.update(info)
        for statement in _checked(text):
            try:
                exec(  # only what _checked() lets through
                    compile(ast.Module([statement], []), "code", "exec"),
                    {"__builtins__": {"print": _silent, "AssertionError": AssertionError, **_FUNCTIONS}},
                    self._names,
                )
            except AssertionError as error:
                place = line + statement.lineno - 1
                raise Mismatch(place, ast.unparse(statement), self._told(statement, error)) from error
            except NameError as error:
                raise NotApplicable(f"{error.name} in a code block") from error
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise ScriptError(line + statement.lineno - 1, f"{ast.unparse(statement)}: {error}") from error

    def _told(self, statement: ast.stmt, error: AssertionError) -> str:
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        values = [f"{name} = {self._names[name]}" for name in sorted(names & self._names.keys() - SYMBOLS.keys())]
        return ", ".join(values) or str(error)


def _silent(*_: object) -> None:
    """print()."""


def _checked(text: str) -> list[ast.stmt]:
    try:
        tree = ast.parse(dedent(text).strip() if "\n" in text else text.strip())
    except SyntaxError as error:
        raise NotApplicable(f"a code block that is no Python: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            known = isinstance(node.func, ast.Name) and node.func.id in {"print", *_FUNCTIONS}
        else:
            known = isinstance(node, (*_ALLOWED, ast.Module))
        if not known:
            raise NotApplicable(f"{type(node).__name__} in a code block")
    return tree.body
