"""The command ``netemu``: one subcommand per module of this package, loaded only when its name is typed."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from netemu import __version__
from netemu.errors import NetemuError, Terminated

COMMANDS = {
    "run": "run an experiment and judge its claims",
    "topo": "show a topology: nodes, links, addresses, predictions, drawing",
    "analyze": "analyse any pcap or pcapng file",
    "figure": "make figures of a run again from its stored tables",
    "diff": "compare two runs packet by packet",
    "fidelity": "compare the models with real kernels, packet by packet",
    "reproduce": "run a stored plan again and name what drifted",
    "kernels": "list, get, build, check and remove kernels for User-Mode Linux",
    "doctor": "say what this machine can do, and what would add the rest",
    "new": "start an experiment of your own outside this repository",
    "clean": "remove what killed runs of netemu left",
}

EPILOG = """\
exit codes:
  0  done (a degraded run is done, and says so)
  1  a claim does not hold
  2  bad input: a file, a graph, an option; the message names the place and the value
  3  this machine or kernel lacks something; the message names it and the command that adds it
  4  the run is void: it happened, and its measurements cannot be trusted

start here:
  netemu doctor
  netemu run experiments/path_mtu.py
  netemu analyze FILE.pcap
"""


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser; only the subcommand that will be used is imported, so that ``--help`` is quick."""
    parser = argparse.ArgumentParser(
        prog="netemu",
        description="A packet-level network emulator with pluggable kernels: what did the kernel do, and why?",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"netemu {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if name == command:
            importlib.import_module(f"netemu.cli.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser


def _terminated(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that everything half-made is removed on the way out."""
    raise Terminated(128 + number)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; an error of ours becomes one line on standard error and its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in arguments if not word.startswith("-")), None)
    parsed = build_parser(command).parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()  # a reader that has gone is noticed here, not after the interpreter's end
    except NetemuError as error:
        print(f"netemu: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("netemu: interrupted; what it had made is removed", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (`netemu ... | head`): end quietly, as other commands do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


if __name__ == "__main__":
    sys.exit(main())
