"""The decorator of compiled functions, and where their machine code is kept.

Numba keys its cache on the file of the outermost function only: a change in a file that it inlines would go
unnoticed. So the cache directory carries a digest of every source of this package, and stale ones are removed. The
sub-package ``show`` holds no compiled function and is left out: a change of wording compiles nothing anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from netemu.errors import MissingCapability

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent
_NOT_COMPILED = _PACKAGE / "show"

COMPILING = "compiling the analysis: once, about a minute"
"""What is said before an analysis whose machine code is not there yet."""


def _digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
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
    numba.config.CACHE_DIR = str(directory)


_use_cache()


def compiled(function: F) -> F:
    """Compile ``function`` into each of the compiled functions that call it; Python itself cannot call it.

    Left to itself, LLVM makes some sixty calls for a packet, and each hands its result over in memory: a quarter of the
    pass.
    """
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return cast(F, numba.njit(error_model="numpy", **options)(function))


def entry(function: F) -> F:
    """Compile ``function`` for calls from Python, all it calls included; the machine code is kept between processes."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function))


def compile_ahead(function: Callable[..., Any], numbers: int) -> None:
    """Compile an :func:`entry` that takes so many integers, without calling it."""
    cast(Any, function).compile((numba.int64,) * numbers)
