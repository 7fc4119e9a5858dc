"""The models' compiled form: the same Python sources, made into machine code by mypyc, loaded in their stead.

The sources are the only truth. ``netemu kernels build model`` compiles exactly them (:mod:`netemu.kernels.model_build`)
into ``<cache>/models/<key>``, the key being a hash over them and the interpreter's binary interface. A finder in front
of Python's own looks there when the first of :func:`module_names` is imported: where there is a form of exactly these
sources, all of these modules come from it, else all from their sources. So it is never stale, and one edited line
gives the interpreted form back.

``$NETEMU_MODEL_FORM`` is ``compiled`` (refuse to go on without it) or ``interpreted``; unset: compiled where there is
one. Which form a process has is :func:`form`, and a run's manifest says it.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from netemu.cache import cache_directory
from netemu.errors import BadInput, MissingCapability

VARIABLE = "NETEMU_MODEL_FORM"
COMMAND = "netemu kernels build model"
GROUP = "netemu_models"
LIBRARY = f"{GROUP}__mypyc"
MANIFEST = "manifest.json"
FORMAT = 1
"""Counted up when what is built of the same sources becomes something else."""

ROOT = Path(__file__).parent
HASHED = ("errors.py", "seq.py", "link/*.py", "packet/*.py", "sim/*.py", "stack/*.py", "recording/pcapng.py")
"""Files that are hashed: those that are compiled, or that compiled ones take types and constants from."""

INTERPRETED = frozenset(
    (
        "__init__", "events", "host", "icmp", "icmp_ratelimit", "inet_bind", "plug_ins", "profile", "siphash",
        "snapshot", "sockopt", "syncookies", "sysctl_memory", "sysctl_names", "tcp_accecn", "tcp_accecn_ack",
        "tcp_accecn_h", "tcp_fastopen", "tcp_fastopen_active", "tcp_fastopen_cookie", "tcp_fastopen_h", "tcp_frto",
        "tcp_ioctl", "tcp_sockopt", "uaccess",
    )
)  # fmt: skip
"""Modules of netemu.stack that stay as they are, beside the tables of eras: classes of msgspec or of a builtin's kind,
which are C already, and what no packet of a transfer passes, which would only lengthen the build."""

BESIDE = (
    "netemu.link.account",
    "netemu.link.draws",
    "netemu.link.loss",
    "netemu.link.model",
    "netemu.link.timeline",
    "netemu.packet.bytes",
    "netemu.packet.tcp_options",
    "netemu.sim.captures",
    "netemu.sim.engine",
    "netemu.sim.host",
    "netemu.sim.journal",
    "netemu.sim.netem",
    "netemu.sim.port",
    "netemu.sim.switch",
    "netemu.sim.wire",
)
"""Compiled modules outside of netemu.stack: what every packet passes."""


class Form(NamedTuple):
    """``name``: ``compiled`` or ``interpreted``; ``detail``: the key of the compiled form, or why there is none."""

    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})"


@cache
def module_names() -> tuple[str, ...]:
    """The modules that have a compiled form, sorted."""
    stems = {path.stem for path in (ROOT / "stack").glob("*.py")} - INTERPRETED
    return tuple(sorted([*(f"netemu.stack.{stem}" for stem in stems if not stem.startswith("eras")), *BESIDE]))


def source_of(module: str) -> Path:
    """The file of one of them."""
    return ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")


def sources_key() -> str:
    """Sixteen hexadecimal digits for the sources as they are now, and for this interpreter."""
    files = sorted(path for pattern in HASHED for path in ROOT.glob(pattern))
    total = hashlib.sha256(f"{FORMAT} {importlib.machinery.EXTENSION_SUFFIXES[0]}\n".encode())
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content}  {path.relative_to(ROOT).as_posix()}\n".encode())
    return total.hexdigest()[:16]


def models_directory() -> Path:
    """Where compiled forms are kept, a directory for each key."""
    return cache_directory() / "models"


def library_of(directory: Path) -> Path:
    """The one shared library in a form's directory."""
    return directory / f"{LIBRARY}{importlib.machinery.EXTENSION_SUFFIXES[0]}"


def wanted() -> str:
    """What the environment asks for: ``compiled``, ``interpreted`` or nothing; :class:`BadInput` for anything else."""
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "compiled", "interpreted"):
        raise BadInput(f"{VARIABLE}={text!r}: it is 'compiled' or 'interpreted', or not set: compiled where built")
    return text


def built() -> tuple[Path | None, str]:
    """The directory of the compiled form of the sources as they are, with its key; or None, and why."""
    place = models_directory()
    if not place.is_dir():
        return None, f"none built: {COMMAND}"
    key = sources_key()
    if not (place / key / MANIFEST).is_file():
        return None, f"none built of these sources: {COMMAND}"
    return place / key, key


def arrange() -> None:
    """Have the modules come from their compiled form from now on; called before the first of them is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def form() -> Form:
    """Which form the models have in this process."""
    arrange()
    finder = next(finder for finder in sys.meta_path if isinstance(finder, _Finder))
    return finder.form


class _Finder:
    """See :class:`importlib.abc.MetaPathFinder`; decides once, when the first of the modules is asked for."""

    def __init__(self) -> None:
        self._form: Form | None = None
        self._library: ModuleType | None = None

    @property
    def form(self) -> Form:
        """What was decided, or is decided now."""
        if self._form is None:
            self._form = self._decide()
        return self._form

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The compiled module, where this process has that form."""
        if name not in module_names() or self.form.name != "compiled":
            return None
        assert self._library is not None
        loader = _Loader(self._library)
        return importlib.util.spec_from_loader(name, loader, origin=str(self._library.__file__))

    def _decide(self) -> Form:
        choice = wanted()
        if choice == "interpreted":
            return Form("interpreted", f"{VARIABLE}=interpreted")
        early = sorted(set(module_names()) & sys.modules.keys())
        directory, why = (None, f"{early[0]} was imported before netemu.stack") if early else built()
        if directory is None:
            if choice == "compiled":
                raise MissingCapability(f"{VARIABLE}=compiled: the models have no compiled form here: {why}")
            return Form("interpreted", why)
        self._library = _load(directory)
        return Form("compiled", why)


class _Loader(importlib.abc.Loader):
    """Modules out of the library, by the initialisers that mypyc puts there."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The module, executed: its initialiser does both."""
        import ctypes

        name = f"init_{spec.name.replace('.', '___')}"
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        address = pointer(getattr(self._library, name), f"{LIBRARY}.{name}".encode())
        module: ModuleType = ctypes.PYFUNCTYPE(ctypes.py_object)(address)()
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


def _load(directory: Path) -> ModuleType:
    """The library, if it is the one that its manifest names."""
    path = library_of(directory)
    broken = f"remove {directory}, then {COMMAND}"
    try:
        expected = json.loads((directory / MANIFEST).read_bytes())["library_sha256"]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        raise MissingCapability(f"{directory}: the compiled models cannot be read ({error}): {broken}") from error
    if found != expected:
        raise MissingCapability(f"{path}: its SHA-256 is not the one in {MANIFEST}: {broken}")
    loader = importlib.machinery.ExtensionFileLoader(LIBRARY, str(path))
    spec = importlib.util.spec_from_file_location(LIBRARY, path, loader=loader)
    assert spec is not None
    try:
        library = importlib.util.module_from_spec(spec)
    except ImportError as error:
        raise MissingCapability(f"{path}: cannot be loaded ({error}): {broken}") from error
    sys.modules[LIBRARY] = library
    loader.exec_module(library)
    return library
