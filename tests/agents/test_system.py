"""Every system that agents run on has all that they ask for."""

from __future__ import annotations

import pytest

from netemu.agents import system
from netemu.agents.linux import LinuxEpoll, LinuxSystem


def asked(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_") or name in ("__enter__", "__exit__")}


@pytest.mark.parametrize(("have", "protocol"), [(LinuxSystem, system.System), (LinuxEpoll, system.Epoll)])
def test_nothing_is_missing(have: type, protocol: type) -> None:
    assert asked(protocol) <= set(dir(have))
