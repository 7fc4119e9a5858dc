"""``netemu new DIR``: a directory with an experiment of the user's own, outside this repository."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import string
import sys
import tempfile
from pathlib import Path

from netemu.errors import BadInput

TEMPLATE = Path(__file__).with_name("template")
FILES = {"experiment.py.txt": "experiment.py", "README.md.txt": "README.md", "gitignore.txt": ".gitignore"}
NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "new",
        help="start an experiment of your own outside this repository",
        description="Make DIR with an experiment that runs, a README and a .gitignore; nothing is ever overwritten.",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="a directory that does not exist yet, or is empty")
    parser.set_defaults(run=run)


def experiment_name(directory: Path) -> str:
    """The experiment's name: the directory's, in lower case, with underscores.

    :raises BadInput: such a name would not start with a letter, or hold something but letters and digits.
    """
    name = re.sub(r"[-. ]", "_", directory.absolute().name.lower())
    if not NAME.match(name):
        raise BadInput(
            f"{directory}: an experiment is named after its directory: letters, digits, '-' and '_', a letter first"
        )
    return name


def check_free(directory: Path) -> None:
    """:class:`BadInput` unless ``directory`` is absent or empty, and its parent is there."""
    if directory.is_dir() and not directory.is_symlink():
        if any(directory.iterdir()):
            raise BadInput(f"{directory}: is not empty; name a directory that does not exist yet")
    elif directory.exists() or directory.is_symlink():
        raise BadInput(f"{directory}: exists and is no directory; name one that does not exist yet")
    elif not directory.absolute().parent.is_dir():
        raise BadInput(f"{directory}: there is no {directory.absolute().parent} to make it in; make that first")


def create(directory: Path) -> list[Path]:
    """Make the project in one step, so that an error leaves nothing half-made; returns its files."""
    name = experiment_name(directory)
    check_free(directory)
    final = directory.absolute()
    try:
        making = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
        try:
            for source, target in FILES.items():
                text = string.Template((TEMPLATE / source).read_text(encoding="utf-8")).substitute(name=name)
                (making / target).write_text(text, encoding="utf-8")
            making.chmod(0o777 & ~current_umask())
            making.rename(final)
        except BaseException:
            shutil.rmtree(making)
            raise
    except OSError as error:
        raise BadInput(f"{directory}: cannot be made: {error.strerror} ({error.filename})") from error
    return [directory / target for target in FILES.values()]


def current_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def run(args: argparse.Namespace) -> int:
    """Make the project and print its files and the command that runs it."""
    for path in create(args.directory):
        print(path)
    sudo = "" if os.geteuid() == 0 else "sudo "
    print(f"run it: {sudo}{sys.argv[0]} run {args.directory / 'experiment.py'}")
    return 0
