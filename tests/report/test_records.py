from __future__ import annotations

from typing import Any

import pytest

from netemu.report.records import link_table, record_table


def probed(**delay: Any) -> dict[str, Any]:
    result = {"asked": 5_000_000, "measured": 5_152_772, "tolerance": 1_000_000, "ok": True, "note": "", **delay}
    return {"backend": "relay", "direction": "a_to_b", "link": "h1-h2", "quantities": {"delay_ns": result}}


def test_a_link_shows_measured_and_asked_in_units() -> None:
    text = link_table([probed()])
    assert '<th scope="col">link</th><th scope="col">direction</th><th scope="col">backend</th>' in text
    assert '<td>5.153 ms<div class="quiet">asked 5 ms ± 1 ms</div></td>' in text


def test_a_quantity_out_of_tolerance_is_marked_and_explained() -> None:
    text = link_table([probed(ok=False, note="queue <full>")])
    assert '<span class="fails">✗ 5.153 ms</span>' in text and "; queue &lt;full&gt;" in text


def test_what_was_not_asked_or_not_measured_is_said() -> None:
    assert "asked any" in link_table([probed(asked=None)])
    assert "not measured" in link_table([probed(measured=None)])


def test_links_may_have_been_probed_for_different_quantities() -> None:
    other = {**probed(), "quantities": {"rate_bps": {"asked": 1000, "measured": 1000, "tolerance": 0, "ok": True}}}
    text = link_table([probed(), other])
    assert text.count("<td></td>") == 2 and "1 kbit/s" in text


def test_records_of_another_form_are_a_plain_table() -> None:
    assert "<td>h1-h2</td>" in link_table([{"link": "h1-h2"}])


@pytest.mark.parametrize("value", ["text", 3, [{"a": [1]}], {"a": 1}])
def test_what_is_no_table_gives_none(value: Any) -> None:
    assert record_table(value) == ""


def test_numbers_keep_their_exact_value_for_who_points_at_them() -> None:
    assert 'title="delay_ns = 5152772">5.153 ms' in record_table([{"delay_ns": 5_152_772}])
