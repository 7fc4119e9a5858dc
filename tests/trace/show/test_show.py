"""The examples of docs/analysis.md, run as they stand on a capture with two connections."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from netemu.trace.show.tshark import FIELDS, TESTS
from tests.trace.build import write_pcap
from tests.trace.show.scenes import documented

DOCUMENT = Path(__file__).parents[3] / "docs" / "analysis.md"


def test_the_examples_of_the_document_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pcap(tmp_path / "client.pcap", documented())
    arrived = [record for i, record in enumerate(documented(), 1) if i != 7]
    write_pcap(tmp_path / "server.pcap", arrived)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "analysis.md", str(DOCUMENT), 0)
    assert len(examples.examples) > 10
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(examples, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_every_tshark_name_stands_in_the_document() -> None:
    text = DOCUMENT.read_text("utf-8")
    other = {"tcp.flags", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr", "tcp.options.sack.count"}
    assert [name for name in [*FIELDS, *TESTS] if f"`{name}`" not in text and name not in other] == []
