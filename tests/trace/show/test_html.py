"""An analysis in a notebook: well-formed, escaped, without scripts."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from netemu.trace.analysis import analyze
from netemu.trace.show.html import sparkline
from tests.trace.build import write_pcap
from tests.trace.show.scenes import lossy, several


def test_the_table_is_well_formed_and_draws_each_connection(tmp_path: Path) -> None:
    analysis = analyze(write_pcap(tmp_path / "two.pcap", several(5, 2)))
    html = analysis._repr_html_()
    root = ElementTree.fromstring(html)
    assert len(root.findall(".//tbody/tr")) == 2 and len(root.findall(".//polyline")) == 2
    assert "<script" not in html and "http" not in html


def test_names_are_escaped(tmp_path: Path) -> None:
    analysis = analyze(write_pcap(tmp_path / "<b>&.pcap", lossy().records))
    ElementTree.fromstring(analysis._repr_html_())
    assert "<b>" not in analysis._repr_html_()


def test_no_more_than_twenty_connections_and_none_drawn_without_packets(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "many.pcap", several(*[1] * 25))
    html = analyze(path, keep_packets=False)._repr_html_()
    assert "5 connections with less payload are not shown" in html and "<svg" not in html


def test_a_connection_is_drawn_both_ways(tmp_path: Path) -> None:
    one = lossy().analyse(tmp_path).connection(0)
    root = ElementTree.fromstring(one._repr_html_())
    assert len(root.findall(".//polyline")) == 1  # the server sent no payload
    assert sparkline(one.packets, 1) == ""
