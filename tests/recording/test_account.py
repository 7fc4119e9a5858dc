"""The account that a kernel leaves of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from netemu.recording.account import add_to_account, factored, judgement_of, read_account, write_account
from netemu.recording.layout import Recording


@dataclass
class Wire:
    name: str


def test_what_was_written_is_read_and_added_to(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_account(recording, {"void": [], "links": [Wire("h1-h2")]})
    add_to_account(recording, guest={"kernel": "7.2"})
    assert read_account(recording) == {"guest": {"kernel": "7.2"}, "links": [{"name": "h1-h2"}], "void": []}


def test_the_order_of_keys_makes_no_difference(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_account(recording, {"a": 1, "b": 2})
    first = recording.execution.read_bytes()
    write_account(recording, {"b": 2, "a": 1})
    assert recording.execution.read_bytes() == first == b'{\n  "a": 1,\n  "b": 2\n}\n'


def test_what_is_no_data_is_refused_by_its_type(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"set cannot be written to execution\.json"):
        write_account(Recording(tmp_path), {"a": {1}})


def test_only_a_model_that_nothing_was_compared_with_is_unjudged() -> None:
    assert judgement_of({"kernel_details": {"judgement": "unjudged"}}) == "unjudged"
    assert judgement_of({"kernel_details": {"judgement": "judged by uml:7.2"}}) == ""
    assert judgement_of({"kernel_details": {"release": "7.2.13"}}) == judgement_of({}) == ""


def test_settings_that_all_nodes_share_are_kept_once_and_others_by_node() -> None:
    nodes = {
        "h1": {"tcp_sack": "1", "tcp_ecn": "0"},
        "h2": {"tcp_sack": "1", "tcp_ecn": "1"},
        "r1": {"ip_forward": "1"},
    }
    assert factored(nodes) == {
        "common": {"ip_forward": "1", "tcp_sack": "1"},
        "nodes": {"h1": {"tcp_ecn": "0"}, "h2": {"tcp_ecn": "1"}},
    }
