"""Records of the manifest as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netemu.report.html import element, escape, table
from netemu.report.values import readable, rows_of, unit_suffix, words


def record_table(value: Any) -> str:
    """A list of records, or a mapping from names to records, as a table; empty for what does not fit into one."""
    rows = rows_of(value)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not rows or any(isinstance(item, list | dict) for row in rows for item in row.values()):
        return ""
    return table([words(column) for column in columns], [[_cell(c, row.get(c)) for c in columns] for row in rows])


def link_table(links: Any) -> str:
    """The results of probing: a row for each direction of a link, a column for each quantity probed.

    A record has ``link``, ``direction``, and ``quantities``: name -> ``asked``, ``measured``, ``tolerance``, ``ok``,
    ``note``. Records of another form are shown as :func:`record_table` does.
    """
    if not isinstance(links, list) or not all(
        isinstance(link, Mapping) and isinstance(link.get("quantities"), Mapping) for link in links
    ):
        return record_table(links)
    plain = list(dict.fromkeys(key for link in links for key in link if key != "quantities"))
    plain.sort(key=lambda key: {"link": 0, "direction": 1}.get(key, 2))
    probed = list(dict.fromkeys(name for link in links for name in link["quantities"]))
    rows = [
        [
            *(_cell(key, link.get(key)) for key in plain),
            *(_quantity(name, link["quantities"].get(name)) for name in probed),
        ]
        for link in links
    ]
    return table([words(name) for name in [*plain, *probed]], rows)


def _quantity(name: str, result: Mapping[str, Any] | None) -> str:
    """``5.153 ms`` above ``asked 5 ms ± 1 ms``; what was not within its tolerance says so."""
    if result is None:
        return element("td", "")
    measured = escape(readable(name, result["measured"])) or "not measured"
    if not result["ok"]:
        measured = element("span", f"✗ {measured}", class_="fails")
    asked = "any" if result["asked"] is None else readable(name, result["asked"])
    if result["asked"] is not None and result["tolerance"]:
        asked += f" ± {readable(name, result['tolerance'])}"
    note = f"; {result['note']}" if result.get("note") else ""
    return element("td", measured + element("div", escape(f"asked {asked}{note}"), class_="quiet"))


def _cell(column: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    attributes = {"class_": "number"} if number else {}
    if number and unit_suffix(column):
        attributes["title"] = f"{column} = {value}"
    return element("td", escape(readable(column, value)), **attributes)
