"""report.html: one self-contained page of a run, from its directory alone.

:func:`write_report` reads manifest.json, claims.json and figures/*.svg and writes the page beside them.
"""

from netemu.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
