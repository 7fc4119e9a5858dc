"""Code blocks: assertions over numbers, and nothing that reaches further."""

from __future__ import annotations

import pytest

from tests.packetdrill.snippet import Snippets
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError

_INFO = {"tcpi_snd_cwnd": 10, "tcpi_ca_state": 0}


@pytest.mark.parametrize(
    "text",
    [
        "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
        "assert tcpi_ca_state == TCP_CA_Open",
        "\nassert 9 < tcpi_snd_cwnd < 11  # near\nassert abs(-1) == 1, 'cwnd=%d' % tcpi_snd_cwnd\n",
        "print(tcpi_snd_cwnd)",
    ],
)
def test_assertions_that_hold(text: str) -> None:
    Snippets().run(text, 1, _INFO)


def test_an_assertion_that_fails_tells_its_line_and_values() -> None:
    with pytest.raises(Mismatch) as caught:
        Snippets().run("\nassert True\nassert tcpi_snd_cwnd == 11", 7, _INFO)
    assert (caught.value.line, caught.value.got) == (8, "tcpi_snd_cwnd = 10")


def test_blocks_share_what_they_assign() -> None:
    snippets = Snippets()
    snippets.run("before = tcpi_snd_cwnd", 1, _INFO)
    snippets.run("assert tcpi_snd_cwnd == before + 2", 2, {"tcpi_snd_cwnd": 12})


@pytest.mark.parametrize("text", ["assert 1 / 0", "assert len(5)", "assert int('x')"])
def test_what_fails_otherwise_is_the_script_s_mistake(text: str) -> None:
    with pytest.raises(ScriptError, match="line 3"):
        Snippets().run(text, 3, _INFO)


@pytest.mark.parametrize(
    "text", ["import os", "open('x')", "().__class__", "[x for x in (1,)]", "assert tcpi_unheard_of == 1", "assert ("]
)
def test_what_is_more_than_assertions_is_not_applicable(text: str) -> None:
    with pytest.raises(NotApplicable):
        Snippets().run(text, 1, _INFO)
