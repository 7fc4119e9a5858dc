"""``netemu kernels``: list, get, build, check and remove the kernels that ``--kernel uml:...`` can use."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels.store import Store

_MODEL = "model"
"""The compiled form of the models, among the names of kernels."""

_VM = "vm:"
"""What a name of an image for virtual machines begins with."""

_UML = "uml:"
"""What a kernel's name begins with in ``netemu run``; here it may."""

DESCRIPTION = """\
Kernels for `netemu run --kernel uml:VERSION`. They are kept in $NETEMU_CACHE (else $XDG_CACHE_HOME/netemu, else
~/.cache/netemu) and in the shared directories that $NETEMU_KERNELS names. No command here needs root.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``kernels`` with its own subcommands."""
    parser = subparsers.add_parser(
        "kernels",
        help="list, get, build, check and remove kernels for User-Mode Linux",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what is here, what each can do, and what could be had")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.add_argument("--available", action="store_true", help="ask the Debian mirror which others there are")
    _add_mirror(listing)
    get = actions.add_parser(
        "get", help="fetch Debian's ready user-mode-linux, or its stock kernel for virtual machines"
    )
    get.add_argument(
        "version", type=_plain, help="such as 6.1 (user-mode-linux, real time only), or vm:6.1 (for virtual machines)"
    )
    _add_mirror(get)
    build = actions.add_parser(
        "build", help="build a kernel with virtual time from source, or compile the models, at idle priority"
    )
    build.add_argument("version", type=_plain, nargs="?", help="such as 6.12, or model; not needed with --source")
    build.add_argument("--source", type=Path, metavar="PATH", help="a source tree or tarball of Linux")
    build.add_argument("--jobs", type=int, metavar="N", help="compilers at once (default: one for each processor)")
    build.add_argument(
        "--priority", choices=("idle", "normal"), default="idle", help="of the compilers (default: idle)"
    )
    build.add_argument(
        "--download", action="store_true", help="get the source that a build would need, and build nothing"
    )
    build.add_argument(
        "--print-key",
        action="store_true",
        help="build nothing; print what names the kernels this would make, for a cache of them",
    )
    _add_mirror(build)
    check = actions.add_parser("check", help="boot a kernel and prove what it can do")
    check.add_argument("name", type=_plain, help="such as 6.12, vm:6.1, or a full name of the list")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    remove = actions.add_parser("remove", help="remove a kernel, or what an interrupted build left; asks nothing")
    remove.add_argument("name", type=_plain, help="such as 6.12 where there is one, a full name of the list, or model")
    parser.set_defaults(run=run)


def _plain(name: str) -> str:
    return name.removeprefix(_UML)


def _add_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mirror", metavar="URL", help="a Debian mirror (default: the one this machine's apt uses)")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    from netemu.kernels.store import open_store

    store = open_store()
    action = {"list": _list, "get": _get, "build": _build, "check": _check, "remove": _remove}[args.action]
    return action(args, store)


def _list(args: argparse.Namespace, store: Store) -> int:
    from netemu import compiled
    from netemu.kernels.overview import describe, notes, table
    from netemu.kernels.vm_image import images
    from netemu.kernels.vm_overview import describe_image

    entries = [describe(entry, store) for entry in store.entries()]
    entries += [describe_image(image, store) for image in images(store)]
    if args.json:
        sys.stdout.write(json.dumps(entries, indent=2) + "\n")
        return 0
    sys.stdout.write(table(store) if entries else f"no kernel in {store.own}\n")
    sys.stdout.writelines(f"{note}\n" for note in notes(store))
    if args.available:
        from netemu.cli.progress import ProgressDisplay
        from netemu.kernels import vm_get
        from netemu.kernels.debian import PrivateApt, available_series
        from netemu.kernels.store import writing

        display = ProgressDisplay("kernels")
        with writing(store.own.parent):
            apt = PrivateApt(store.own.parent / "apt", args.mirror)
            sources, virtual = available_series(apt, display), vm_get.available_series(apt, display)
        display.done()
        print("could be built (netemu kernels build VERSION):", *sources)
        print("could be had for virtual machines (netemu kernels get vm:VERSION):", *virtual)
    else:
        print("netemu kernels list --available asks the Debian mirror which others there are")
    print(f"the models (--kernel model:PROFILE) run {compiled.form()}")
    return 0


def _get(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels.ready import get_ready, warning

    display = ProgressDisplay(f"kernel {args.version}")
    if args.version.startswith(_VM):
        from netemu.kernels.store import writing
        from netemu.kernels.vm_get import get_image

        with writing(store.own.parent):
            image = get_image(args.version.removeprefix(_VM), store, display, args.mirror)
        display.done()
        print(f"vm:{image.name}  {image.kernel.parent}")
        return 0
    entry = get_ready(args.version, store, display, args.mirror)
    display.done()
    print(f"uml:{entry.manifest.version}  {entry.directory}")
    if (why := warning(entry)) is not None:
        print(f"netemu: warning: {why}", file=sys.stderr)
    return 0


def _build(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.errors import BadInput
    from netemu.kernels.build import Effort, build_named, prepare

    if (args.version is None) == (args.source is None):
        raise BadInput("netemu kernels build: give a version such as 6.12, or --source PATH (not both)")
    if args.jobs is not None and args.jobs < 1:
        raise BadInput(f"--jobs {args.jobs}: at least 1")
    if args.print_key:
        return _print_key(args)
    if args.version == _MODEL:
        return _build_model(args)
    display = ProgressDisplay(f"kernel {args.version or args.source.name}")
    effort = Effort(args.jobs, args.priority == "idle")

    def build() -> str:
        if args.download:
            prepare(args.version, args.source, store, display, mirror=args.mirror)
            return ""
        entry = build_named(args.version, args.source, store, display, mirror=args.mirror, effort=effort)
        return f"uml:{entry.manifest.version}  {entry.directory}\n"

    return _interruptible(display, build)


def _interruptible(display: ProgressDisplay, build: Callable[[], str]) -> int:
    """Build under a progress display, then write what ``build`` says; 130 when the user interrupts it."""
    try:
        said = build()
    except KeyboardInterrupt:
        print("netemu: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130
    finally:
        display.done()
    sys.stdout.write(said)
    return 0


def _build_model(args: argparse.Namespace) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.errors import BadInput
    from netemu.kernels.build import Effort
    from netemu.kernels.model_build import build_model

    if args.download or args.mirror is not None:
        raise BadInput("netemu kernels build model: it is compiled of netemu's own sources: no --download, no --mirror")
    display = ProgressDisplay("models")
    effort = Effort(args.jobs, args.priority == "idle")
    return _interruptible(display, lambda: f"model  {build_model(display, effort)}\n")


def _print_key(args: argparse.Namespace) -> int:
    from netemu.errors import BadInput
    from netemu.kernels.recipe import require_tools, series_key
    from netemu.kernels.store import check_name

    if args.version is None:
        raise BadInput("--print-key: give a version such as 6.12; it does not look at a source")
    check_name(args.version)
    require_tools()
    print(series_key(args.version))
    return 0


def _remove(args: argparse.Namespace, store: Store) -> int:
    from netemu.kernels.vm_image import remove_image

    if args.name == _MODEL:
        from netemu.kernels.model_build import remove_models

        print("\n".join(f"removed {path}" for path in remove_models()) or "the models have no compiled form here")
        return 0
    vm = args.name.startswith(_VM)
    print(f"removed {remove_image(args.name.removeprefix(_VM), store) if vm else store.remove(args.name)}")
    return 0


def _check(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels.check import check

    display = ProgressDisplay(f"kernel {args.name}")
    if args.name.startswith(_VM):
        from netemu.kernels.vm import ACCEL_CACHE
        from netemu.kernels.vm_check import check_image
        from netemu.kernels.vm_image import find_image

        image = find_image(args.name.removeprefix(_VM), store)
        report = check_image(image, store.own.parent / ACCEL_CACHE, display)
    else:
        report = check(store.find(args.name), display)
    display.done()
    sys.stdout.write(report.to_json() if args.json else report.to_text())
    return 0 if report.passed else 3
