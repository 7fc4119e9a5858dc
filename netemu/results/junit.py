"""JUnit XML: one test suite per run, one test case per claim, as CI systems read it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from netemu.results.summary import RunSummary


def write_junit(path: Path, summaries: Sequence[RunSummary]) -> None:
    """Write the runs to ``path``; a void run is an error, a failing claim a failure, the unobservable skipped."""
    root = ET.Element("testsuites", name="netemu")
    for summary in summaries:
        _suite(root, summary)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _suite(root: ET.Element, summary: RunSummary) -> None:
    failed = sum(claim.holds is False for claim in summary.claims)
    skipped = sum(claim.holds is None for claim in summary.claims)
    void = summary.validity == "void"
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"{summary.experiment}@{summary.kernel}#{summary.seed}",
        tests=str(len(summary.claims) + 1),
        failures=str(failed),
        errors=str(int(void)),
        skipped=str(skipped),
    )
    validity = ET.SubElement(suite, "testcase", classname=summary.experiment, name="the run is valid")
    if void:
        ET.SubElement(validity, "error", message="; ".join(summary.reasons))
    elif summary.reasons:
        ET.SubElement(validity, "system-out").text = f"{summary.validity}: " + "; ".join(summary.reasons)
    for claim in summary.claims:
        case = ET.SubElement(suite, "testcase", classname=summary.experiment, name=claim.name)
        text = f"measured {claim.measured}, expected {claim.expected}"
        if claim.holds is False:
            ET.SubElement(case, "failure", message=text)
        elif claim.holds is None:
            ET.SubElement(case, "skipped", message=claim.measured)
        else:
            ET.SubElement(case, "system-out").text = text
