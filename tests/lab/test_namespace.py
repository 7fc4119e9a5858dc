"""A namespace is entered by one thread, starts processes, and is gone when it is let go."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netemu.errors import MissingCapability
from netemu.lab.namespace import Namespace, require_root, sysctl_path

OWN = "/proc/thread-self/ns/net"


@pytest.mark.lab
def test_only_the_calling_thread_is_inside_and_only_within_the_block() -> None:
    outside = Path(OWN).readlink()
    with Namespace("n") as namespace, ThreadPoolExecutor(1) as other:
        assert other.submit(Path(OWN).readlink).result() == outside
        with namespace.entered():
            assert str(Path(OWN).readlink()) == f"net:[{namespace.inode}]" != str(outside)
            assert other.submit(Path(OWN).readlink).result() == outside
        assert Path(OWN).readlink() == outside


@pytest.mark.lab
def test_the_thread_comes_back_when_the_block_raises() -> None:
    outside = Path(OWN).readlink()
    with Namespace("n") as namespace, pytest.raises(KeyError), namespace.entered():
        raise KeyError("x")
    assert Path(OWN).readlink() == outside


@pytest.mark.lab
def test_a_process_runs_inside_and_others_can_open_the_path() -> None:
    with Namespace("n") as namespace:
        run = namespace.popen(["readlink", "/proc/self/ns/net"], stdout=subprocess.PIPE, text=True)
        assert run.communicate()[0].strip() == f"net:[{namespace.inode}]"
        assert Path(namespace.path).stat().st_ino == namespace.inode


@pytest.mark.lab
def test_no_shell_and_no_text_is_taken_for_a_program() -> None:
    with Namespace("n") as namespace:
        with pytest.raises(TypeError, match="argument list"):
            namespace.popen("true")
        with pytest.raises(TypeError, match="no shell"):
            namespace.popen(["true"], shell=True)


@pytest.mark.lab
def test_a_process_dies_with_the_one_that_started_it() -> None:
    program = (
        "import os; from netemu.lab.namespace import Namespace; n = Namespace('n');"
        "p = n.popen(['sleep', '60']); print(p.pid, flush=True); os.read(0, 1); os.kill(os.getpid(), 9)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    try:
        parent.communicate(b"x")
        watch = select.poll()
        watch.register(child)
        assert watch.poll(2000), "the child outlived its parent"
    finally:
        os.close(child)


@pytest.mark.lab
def test_closing_twice_is_harmless_and_sysctls_are_read_inside() -> None:
    namespace = Namespace("n")
    assert namespace.read_sysctl("net.ipv4.ip_forward") in "01"
    namespace.close()
    namespace.close()


def test_both_spellings_of_a_sysctl_name_the_same_file() -> None:
    assert sysctl_path("net.ipv4.ip_forward") == sysctl_path("net/ipv4/ip_forward")
    assert sysctl_path("net/ipv4/conf/a.b/rp_filter").parts[-2] == "a.b"


def test_an_ordinary_user_is_told_to_use_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingCapability, match="user 1000: run it again with sudo"):
        require_root("a lab")
