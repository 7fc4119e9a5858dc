"""Commands of scripts, understood and never run: sysctl, tcp_metrics, counters, queues and offloads of the device.

A command that means something else is refused by its text, so that no script is judged on a host it did not ask for.
"""

from __future__ import annotations

import ast
import operator
import re
import shlex
from pathlib import Path

from netemu.errors import BadInput, MissingCapability
from netemu.stack.sch_fq import Fq
from netemu.stack.sysctl_names import lacks, set_sysctl
from tests.packetdrill.machine import DEVICE, Machine
from tests.packetdrill.nstat import grep
from tests.packetdrill.verdict import NotApplicable

_WITHOUT_EFFECT = {
    "net.ipv4.tcp_fack": "since 4.15",
}
"""Sysctls that change nothing in a model, and why."""

_OF_LATER_ERAS = ("net.ipv4.tcp_ecn_option", "net.ipv4.tcp_ecn_option_beacon")
"""And what changes nothing where it is not there yet."""

_PLAIN_QUEUES = ("pfifo", "noqueue", "pfifo_fast")
_NOTHING = ("true", ":", "sync")
_ARITHMETIC = re.compile(r"\$\(\(([^()]*(?:\([^()]*\)[^()]*)*)\)\)")
_REDIRECTION = re.compile(r"\s*[0-9]?>&?\s*(/dev/null|[0-9])")
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}
_PROC = "/proc/sys/"


class CommandFailed(Exception):
    """A command of the script found what it looks for not to be so: its text."""


def run_shell(text: str, machine: Machine, directory: Path) -> None:
    """Do what the command ``text`` of a script in ``directory`` means.

    :raises NotApplicable: it means something that is not understood here.
    :raises CommandFailed: it asserts something that is not so.
    """
    joined = text.replace("\\\n", " ")
    for line in re.split(r"\n|;|&&", joined):
        plain = _REDIRECTION.sub("", _computed(line)).strip()
        try:
            words = _words(plain)
        except ValueError as error:
            raise NotApplicable(f"command `{plain}`: {error}") from error
        if "|" in words or words[:1] == ["nstat"]:
            if not _piped(words, plain, machine):
                raise CommandFailed(plain)
        elif words:
            _command(words, plain, machine, directory)


def _piped(words: list[str], line: str, machine: Machine) -> bool:
    """``nstat | grep NAME | grep -q ...``: whether the last of them succeeds."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            parts.append([])
        else:
            parts[-1].append(word)
    if any(not part for part in parts) or parts[0][0] != "nstat" or any(part[0] != "grep" for part in parts[1:]):
        raise NotApplicable(f"command `{line}`")
    text = machine.nstat.output(parts[0][1:], machine.stack.counters())
    for part in parts[1:]:
        text = grep(part[1:], text)
    return len(parts) == 1 or bool(text)


def _words(line: str) -> list[str]:
    """The line's words, ``|`` being one of them wherever it stands."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    return list(lexer)


def _computed(line: str) -> str:
    return _ARITHMETIC.sub(lambda match: str(_arithmetic(match.group(1))), line)


def _arithmetic(text: str) -> int:
    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return int(_OPERATORS[type(node.op)](value(node.left), value(node.right)))
        raise NotApplicable(f"arithmetic `{text}`")

    try:
        return value(ast.parse(text.strip().replace("/", "//"), mode="eval").body)
    except (SyntaxError, ArithmeticError) as error:
        raise NotApplicable(f"arithmetic `{text}`: {error}") from error


def _command(words: list[str], line: str, machine: Machine, directory: Path) -> None:
    name, args = words[0], words[1:]
    if name == "sysctl":
        _sysctl(args, machine)
    elif name.endswith("/set_sysctls.py"):
        for setting in args:
            path, _, value = setting.partition("=")
            _set(path.removeprefix(_PROC).replace("/", "."), value, machine)
    elif name == "echo" and len(args) == 3 and args[1] == ">" and args[2].startswith(_PROC):
        _set(args[2].removeprefix(_PROC).replace("/", "."), args[0], machine)
    elif name == "sleep" and len(args) == 1 and re.fullmatch(r"[0-9]*\.?[0-9]+", args[0]):
        machine.run(machine.now_ns + int(float(args[0]) * 1e9))
    elif words[:3] == ["ip", "tcp_metrics", "flush"]:
        machine.stack.tcp_metrics.clear()
    elif name == "ethtool" and args[:2] == ["-K", DEVICE]:
        _offloads(args[2:], line, machine)
    elif _is_queue(words, ("fq",)):
        machine.stack.qdisc = Fq(machine.stack)
    elif name.startswith("/tmp/sysctl_restore_") or name in _NOTHING or _is_queue(words, _PLAIN_QUEUES):
        return
    elif name.endswith(".sh") and (directory / name).is_file():
        script = directory / name
        run_shell(script.read_text(), machine, script.parent)
    else:
        raise NotApplicable(f"command `{line}`")


def _is_queue(words: list[str], names: tuple[str, ...]) -> bool:
    begins = words[:2] == ["tc", "qdisc"] and words[3:6] == ["dev", DEVICE, "root"]
    return begins and len(words) == 7 and words[6] in names


def _offloads(args: list[str], line: str, machine: Machine) -> None:
    """``tso off gso off``: a capture sees segments then."""
    asked = dict(zip(args[::2], args[1::2], strict=False))
    if not set(asked) <= {"tso", "gso", "gro", "sg", "lro"}:
        raise NotApplicable(f"command `{line}`")
    machine.offload = asked.get("tso", "on") == "on" or asked.get("gso", "on") == "on"


def _sysctl(args: list[str], machine: Machine) -> None:
    for word in args:
        if word.startswith("-"):
            if word not in ("-q", "-w", "-e", "-qw"):
                raise NotApplicable(f"sysctl {word}")
            continue
        name, equals, value = word.partition("=")
        if not equals:
            raise NotApplicable(f"sysctl {word}: reading")
        _set(name.replace("/", "."), value, machine)


def _set(name: str, value: str, machine: Machine) -> None:
    if name in _WITHOUT_EFFECT or (name in _OF_LATER_ERAS and lacks(machine.stack.profile.sysctls_lacking, name)):
        return
    try:
        profile = machine.stack.profile if name == "net.ipv4.tcp_ecn" else None
        set_sysctl(machine.stack.sysctl, name, value, "sysctl", profile)
    except (MissingCapability, BadInput) as error:
        raise NotApplicable(str(error)) from error
    if name == "net.ipv4.tcp_fastopen_key":
        machine.stack.tcp_fastopen_keys = None  # it is made of the sysctl when it is needed
    elif name == "net.ipv4.tcp_fastopen_blackhole_timeout_sec":
        machine.stack.tfo_active_disable_times = 0
