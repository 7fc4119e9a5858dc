"""The decorators of compiled functions, and where their machine code is kept.

What runs is kept object code: Numba, which takes half a second to load, is there to make it and for nothing else. The
directory of that code carries a digest of every source of this package and of the processor, since a function holds
those that it calls; stale ones are removed. The sub-package ``show`` holds no compiled function and is left out: a
change of wording compiles nothing anew.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any, TypeVar, cast

from netemu.errors import MissingCapability
from netemu.trace import machine_code

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent
_NOT_COMPILED = _PACKAGE / "show"
_OPTIONS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

COMPILING = "compiling the analysis: once, about a minute"
"""What is said before an analysis whose machine code is not there yet."""


@functools.cache
def _digest() -> str:
    digest = hashlib.sha256(f"{version('numba')} {machine_code.processor()}".encode())
    for source in sorted(_PACKAGE.rglob("*.py")):
        if source.is_relative_to(_NOT_COMPILED):
            continue
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """The directory of this version's machine code: beside the package where that can be written, else the user's.

    ``NETEMU_COMPILED`` names another one.
    """
    if chosen := os.environ.get("NETEMU_COMPILED"):
        return Path(chosen) / f"compiled-{_digest()}"
    local = _PACKAGE / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "netemu"
    writable = os.access(local if local.exists() else _PACKAGE, os.W_OK)
    return (local if writable else user) / f"compiled-{_digest()}"


def _mark() -> Path:
    """The file that says that nothing is left to be compiled."""
    return cache_directory() / "complete"


def is_compiled() -> bool:
    """Whether all machine code of these sources is there, so that an analysis starts at once."""
    return _mark().exists()


def mark_compiled() -> None:
    """Say that all of it is there."""
    _mark().touch()


def _use_cache() -> None:
    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for stale in directory.parent.glob("compiled-*"):
            if stale != directory:
                shutil.rmtree(stale, ignore_errors=True)
    except OSError as error:
        raise MissingCapability(
            f"{directory}: the compiled analysis cannot be kept there: {error.strerror}; set NETEMU_COMPILED to a"
            " directory that can be written"
        ) from error


_use_cache()


class Inlined:
    """What stands for a function of compiled code until something is compiled; Python itself cannot call it."""

    def __init__(self, make: Callable[[], Any], names: dict[str, Any] | None = None) -> None:
        self._make, self._names, self._made = make, names, None

    def made(self) -> Any:
        """Numba's function."""
        if self._made is None:
            self._made = self._make()
            _resolve(self._names or {})
        return self._made


def _resolve(names: dict[str, Any], seen: set[int] | None = None) -> None:
    """In a module, and in those of this package that it names, put functions in the place of what stands for them."""
    seen = set() if seen is None else seen
    seen.add(id(names))
    for name, value in list(names.items()):
        if isinstance(value, Inlined):
            names[name] = value.made()
        elif (
            isinstance(value, ModuleType) and value.__name__.startswith("netemu.trace.") and id(vars(value)) not in seen
        ):
            _resolve(vars(value), seen)


def _njit(function: Callable[..., Any], **options: Any) -> Any:
    import numba

    numba.config.CACHE_DIR = str(cache_directory())
    return numba.njit(**options)(function)


def compiled(function: F) -> F:
    """Compile ``function`` into each of the compiled functions that call it.

    Left to itself, LLVM makes some sixty calls for a packet, and each hands its result over in memory: a quarter of the
    pass.
    """
    options = {**_OPTIONS, "forceinline": True}
    return cast(F, Inlined(lambda: _njit(function, **options), function.__globals__))


ENTRIES: list[Entry] = []
"""All that Python calls of what is loaded."""


class Entry:
    """A compiled function of whole numbers that Python calls, without holding up other threads of Python's."""

    _lock = RLock()

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._count = function.__code__.co_argcount
        self._code: machine_code.Code | None = None
        functools.update_wrapper(self, function)
        ENTRIES.append(self)

    def __call__(self, *numbers: int) -> Any:
        code = self._code or self.prepare()
        return code(*numbers)

    def prepare(self) -> machine_code.Code:
        """Have the machine code at hand: what is kept, or made now and then kept."""
        with self._lock:
            if self._code is None:
                path = self._path()
                if not path.exists():
                    _keep(path, *self._compiled())
                head, _, object_code = path.read_bytes().partition(b"\n")
                self._code = machine_code.load(object_code, count=self._count, **json.loads(head))
            return self._code

    def _path(self) -> Path:
        """Where its machine code is kept; that of functions elsewhere also goes by their source."""
        function = self._function
        name = f"{function.__module__}.{function.__qualname__}"
        source = Path(function.__code__.co_filename)
        if not source.is_relative_to(_PACKAGE):
            name += "-" + hashlib.sha256(source.read_bytes()).hexdigest()[:8]
        return cache_directory() / f"{name}.o"

    def _compiled(self) -> tuple[dict[str, Any], bytes]:
        import numba

        _resolve(self._function.__globals__)
        function = _njit(self._function, **_OPTIONS)
        function.compile((numba.int64,) * self._count)
        (made,) = function.overloads.values()
        kind = made.signature.return_type
        returns = [] if kind is numba.types.none else [str(one) for one in getattr(kind, "types", (kind,))]
        described = {"symbol": made.fndesc.llvm_func_name, "returns": returns, "several": hasattr(kind, "types")}
        return described, made.library._get_compiled_object()


def _keep(path: Path, described: dict[str, Any], object_code: bytes) -> None:
    """Write a file of machine code, whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(json.dumps(described).encode() + b"\n" + object_code)
    part.replace(path)


def entry(function: F) -> F:
    """Compile ``function``, which takes whole numbers and gives none or some, for calls from Python.

    All it calls is in it; the machine code is kept between processes.
    """
    return cast(F, Entry(function))


def entry_of_arrays(function: F) -> F:
    """The same for a function of arrays, for each kind of them that it is called with; calls of it load Numba."""

    @functools.cache
    def made() -> Any:
        _resolve(function.__globals__)
        return _njit(function, cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)

    @functools.wraps(function)
    def called(*given: Any) -> Any:
        return made()(*given)

    return cast(F, called)


def compile_ahead(*functions: Callable[..., Any]) -> None:
    """Have the machine code of each :func:`entry` at hand, of all that are loaded when none is named."""
    for function in functions or ENTRIES:
        cast(Entry, function).prepare()
