"""Where netemu keeps what it made or fetched and can make again: kernels, sources, compiled models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from netemu.errors import BadInput


def cache_directory(environment: Mapping[str, str] | None = None) -> Path:
    """``$NETEMU_CACHE``, else ``$XDG_CACHE_HOME/netemu``, else ``~/.cache/netemu``; no directory is made by this.

    :raises BadInput: that is no absolute path, or this user has no home directory.
    """
    env = os.environ if environment is None else environment
    if env.get("NETEMU_CACHE"):
        cache = Path(env["NETEMU_CACHE"])
    elif env.get("XDG_CACHE_HOME"):
        cache = Path(env["XDG_CACHE_HOME"]) / "netemu"
    else:
        cache = _home() / ".cache" / "netemu"
    if not cache.is_absolute():
        raise BadInput(f"the cache directory {str(cache)!r} must be an absolute path: set NETEMU_CACHE to one")
    return cache


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise BadInput("this user has no home directory: set NETEMU_CACHE to a directory for kernels") from error
