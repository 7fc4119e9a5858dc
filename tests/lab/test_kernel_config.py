"""The kernel's configuration is kept with a run."""

import gzip
import hashlib
import os
from pathlib import Path

from netemu.lab.kernel_config import kernel_config

TEXT = """\
# comment
CONFIG_HZ_250=y
CONFIG_HZ=250
# CONFIG_NET_SCH_FQ is not set
CONFIG_TCP_CONG_BBR=y
CONFIG_DEFAULT_TCP_CONG="bbr"
CONFIG_SOUND=y
"""
OPTIONS = {"HZ_250": "y", "HZ": "250", "TCP_CONG_BBR": "y", "DEFAULT_TCP_CONG": "bbr"}


def test_options_that_shape_a_run_are_kept_and_the_rest_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "config.gz").write_bytes(gzip.compress(TEXT.encode()))
    found = kernel_config(tmp_path)
    assert found is not None
    assert found["options"] == OPTIONS
    assert found["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()


def test_the_file_of_a_distribution_is_read_where_the_kernel_shows_none(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / f"config-{os.uname().release}").write_text(TEXT)
    found = kernel_config(tmp_path)
    assert found is not None and found["options"] == OPTIONS


def test_a_kernel_that_shows_no_configuration_has_none(tmp_path: Path) -> None:
    assert kernel_config(tmp_path) is None
