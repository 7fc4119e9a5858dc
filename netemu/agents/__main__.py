"""``python -S -s -m netemu.agents SPEC.json``: run one agent; exit status 0, or that of the error it prints."""

from __future__ import annotations

import sys

from netemu.agents.programs import load_spec, run_program
from netemu.errors import NetemuError


def main(arguments: list[str]) -> int:
    """Run the spec named by the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -S -s -m netemu.agents SPEC.json\n")
        return 2
    try:
        return run_program(load_spec(arguments[0]))
    except NetemuError as error:
        sys.stderr.write(f"netemu agent: error: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
