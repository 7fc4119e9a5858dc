"""Which programs there are, and specs that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netemu.agents.programs import TRAFFIC, check_args, load_spec, run_program
from netemu.errors import BadInput
from tests.agents.harness import Bench


def test_unknown_programs_and_arguments_are_named() -> None:
    with pytest.raises(BadInput, match="here: unknown program 'iperf'; there are bulk_send, sink, "):
        check_args("iperf", {}, "here")
    for program in TRAFFIC:
        with pytest.raises(BadInput, match="unknown argument 'speed'"):
            check_args(program, {"speed": 1}, "here")


def test_defaults_are_made_explicit() -> None:
    args = check_args("sink", {"port": 80}, "here")
    assert (args["connections"], args["mode"], args["close"]) == (1, "blocking", "wait")


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "JSON object with the key 'program'")])
def test_a_spec_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "spec").write_text(text)
    with pytest.raises(BadInput, match=message):
        load_spec(str(tmp_path / "spec"))


def test_a_spec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load_spec(str(tmp_path / "spec"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log": None}, "key 'log' is None, not of type str"),
        ({"start_ns": "0"}, "key 'start_ns' is '0', not of type int"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"program": "nothing"}, "unknown program 'nothing'"),
    ],
)
def test_a_spec_with_wrong_keys(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    spec = Bench(tmp_path).spec("sink", port=5001)
    with pytest.raises(BadInput, match=message):
        run_program({**spec, **change})
    assert not Path(spec["log"]).exists()


def test_the_command_line_prints_one_line_and_the_exit_code(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    spec = bench.spec("sink", port=5001, speed=1)
    assert json.loads(json.dumps(spec)) == spec
    message = bench.start(spec, wait=False).failure(2)
    assert message.startswith("netemu agent: error: agent 'sink0': unknown argument 'speed'; it takes address, ")
