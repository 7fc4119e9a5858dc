from __future__ import annotations

import subprocess
import sys

import pytest

import netemu.figures
from netemu.figures.output import make_figures


def test_asking_for_figures_imports_no_heavy_library() -> None:
    code = (
        "import sys, netemu.figures as f; f.FigureSpec('a', 'rtt'); print(*({'matplotlib', 'polars'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_make_figures_is_a_public_name() -> None:
    assert netemu.figures.make_figures is make_figures


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pyplot'"):
        _ = netemu.figures.pyplot
