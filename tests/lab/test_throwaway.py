"""The probe that runs as a process of its own, as root and as an ordinary user, and leaves nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from netemu.lab import throwaway
from netemu.lab.capabilities import KernelFacts

SCRIPT = Path(throwaway.__file__)


def look(*prefix: str) -> KernelFacts:
    """Run the script from standard input, so that a user who may not read this directory can too."""
    argv = [*prefix, "/usr/bin/python3", "-I", "-S", "-"]
    done = subprocess.run(argv, input=SCRIPT.read_bytes(), capture_output=True, check=True)
    return msgspec.convert(json.loads(done.stdout), KernelFacts)


def test_sock_diag_answers_without_root() -> None:
    assert throwaway.sock_diag_error() is None


def test_a_command_that_fails_says_why_and_one_that_is_not_there_too() -> None:
    assert throwaway.command_error("true") is None
    assert throwaway.command_error("false") == "false ended with 1"
    assert throwaway.command_error("netemu-no-such-command") == "netemu-no-such-command is not installed"
    error = throwaway.command_error("ip", "link", "show", "dev", "netemu-none")
    assert error is not None and "netemu-none" in error


@pytest.mark.lab
def test_root_finds_qdiscs_and_tracepoints() -> None:
    facts = look()
    assert not facts.as_user
    assert facts.namespaces is None
    assert facts.tracefs is None
    assert "tcp:tcp_retransmit_skb" in facts.tracepoints
    assert facts.qdiscs.keys() == throwaway.QDISCS.keys()


@pytest.mark.lab
def test_an_ordinary_user_looks_from_a_user_namespace_or_says_it_could_not() -> None:
    facts = look("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert facts.as_user
    assert facts.sock_diag is None
    if facts.namespaces is None:
        assert (facts.veth, facts.packet_socket) == (None, None)
        assert facts.tracefs is not None
    else:
        assert facts.qdiscs == {}
