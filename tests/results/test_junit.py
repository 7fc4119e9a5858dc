"""JUnit XML, read back as a CI system would."""

import xml.etree.ElementTree as ET
from pathlib import Path

from netemu.results.junit import write_junit
from netemu.results.summary import ClaimSummary, RunSummary


def test_every_claim_is_a_case_and_a_void_run_an_error(tmp_path: Path) -> None:
    claims = (
        ClaimSummary("a < b", "1", "1", True, None),
        ClaimSummary("fails", "1", "2", False, None),
        ClaimSummary("unseen", "1", "not observable: x", None, None),
    )
    good = RunSummary("x", Path("/r"), "host", 7, "degraded", ("busy",), claims, (), ())
    void = RunSummary("y", Path("/r"), "host", 7, "void", ("drops",), (), (), ())
    write_junit(tmp_path / "j.xml", [good, void])
    first, second = ET.parse(tmp_path / "j.xml").getroot()
    assert first.attrib | {"name": "x@host#7"} == first.attrib
    assert (first.get("tests"), first.get("failures"), first.get("skipped"), first.get("errors")) == (
        "4",
        "1",
        "1",
        "0",
    )
    failure = first.find("testcase[@name='fails']/failure")
    assert failure is not None
    assert failure.get("message") == "measured 2, expected 1"
    assert first.find("testcase[@name='unseen']/skipped") is not None
    error = second.find("testcase/error")
    assert error is not None
    assert error.get("message") == "drops"
