"""What others' packages add by entry points: congestion controls, profiles, whole stacks."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from netemu.errors import BadInput, NetemuError, Terminated


def place_of(kind: str, entry: EntryPoint) -> str:
    """How errors name a plug-in: what it is and which entry point names it."""
    return f"{kind} {entry.name} = {entry.value}"


def load_plug_in(kind: str, entry: EntryPoint) -> object:
    """What ``entry`` names; a class of congestion controls is made an object by :func:`made`.

    :raises BadInput: it cannot be loaded: nothing of that name, or its module raises; named with what was raised.
    """
    try:
        return entry.load()
    except (Terminated, NetemuError):
        raise
    except (Exception, SystemExit) as error:  # the module is its author's, so whatever it raises is
        raise BadInput(f"{place_of(kind, entry)}: cannot be loaded: {_told(error)}") from error


def made(found: object, place: str) -> object:
    """``found``, or an object of it where it is a class; BadInput where its constructor raises."""
    if not isinstance(found, type):
        return found
    try:
        return found()
    except (Terminated, NetemuError):
        raise
    except Exception as error:
        raise BadInput(f"{place}: {found.__name__}() cannot be made: {_told(error)}") from error


def try_congestion_control(ops: object, place: str) -> None:
    """The whole contract, which takes a second; BadInput with ``place`` when ``ops`` breaks it."""
    from netemu.stack.testing.congestion import check_congestion_control  # late: it needs sockets

    try:
        check_congestion_control(ops)
    except BadInput as broken:
        raise BadInput(f"{broken} ({place})") from broken


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
