"""The package: quick to import, and its counts are the kernel's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import netemu.trace
from netemu.recording.tables import RETRANSMISSION_KINDS as CLASSES
from tests.trace import rig


def test_importing_the_package_loads_no_numba_and_no_polars() -> None:
    program = "import sys, netemu.trace; print([m for m in ('numba', 'polars', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_come_at_their_first_use_and_no_others() -> None:
    from netemu.trace import analysis

    assert netemu.trace.analyze is analysis.analyze and netemu.trace.Analysis is analysis.Analysis
    with pytest.raises(AttributeError, match=r"module 'netemu\.trace' has no attribute 'analyse'"):
        netemu.trace.analyse  # noqa: B018


@pytest.mark.lab
def test_retransmissions_of_a_lossy_transfer_add_up_to_the_kernels_own_count(tmp_path: Path) -> None:
    """tcpi_total_retrans of both sockets; the capture at each end holds what that end sent, lost packets included."""
    result = rig.run(rig.Transfer(seed=11, send_bytes=300_000, loss=0.03, ack_loss=0.01), tmp_path)
    for name, prefix in (("a", "a_"), ("b", "b_")):
        analysis = netemu.trace.analyze([tmp_path / f"{name}.pcap"])
        (row,) = analysis.connections.to_dicts()
        total = sum(row[f"{prefix}retransmits_{kind}"] for kind in CLASSES)
        assert total == row[f"{prefix}retransmitted_segments"] == result[f"{name}_total_retrans"]
        assert row["a_unique_payload_bytes"] <= 300_000 and not analysis.partial
    assert result["a_total_retrans"] > 0
    assert row["a_unique_payload_bytes"] == result["received"] == 300_000
