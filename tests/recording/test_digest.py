"""What a run's digest covers, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.recording.digest import PLACE, digest, file_digests
from netemu.recording.layout import Recording


def run_at(root: Path, **manifest: object) -> Recording:
    """A run with one capture, one table, a report and a log that name their directory."""
    for name in ("captures", "tables"):
        (root / name).mkdir(parents=True)
    (root / "captures" / "h1-eth0.pcapng").write_bytes(b"packets")
    (root / "tables" / "packets.parquet").write_bytes(b"rows")
    (root / "manifest.json").write_text(json.dumps({"seed": 1, "source": str(root), **manifest}))
    for name in ("report.html", "log.txt"):
        (root / name).write_text(str(root))
    return Recording(root)


def test_two_runs_alike_have_one_digest_wherever_they_lie(tmp_path: Path) -> None:
    one, other = run_at(tmp_path / "one", busy_loops=0), run_at(tmp_path / "a longer name" / "other", busy_loops=4)
    assert digest(one) == digest(other)
    assert digest(one, "everything") == digest(other, "everything")
    assert digest(one) != digest(one, "everything")


def test_a_table_that_differs_is_seen_in_everything_alone(tmp_path: Path) -> None:
    one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other")
    (other.tables / "packets.parquet").write_bytes(b"other rows")
    assert digest(one) == digest(other)
    assert digest(one, "everything") != digest(other, "everything")
    first, second = file_digests(one), file_digests(other)
    assert [name for name in first if first[name] != second[name]] == ["tables/packets.parquet"]


def test_a_capture_of_another_name_is_another_run(tmp_path: Path) -> None:
    one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other")
    (other.captures / "h1-eth0.pcapng").rename(other.captures / "h2-eth0.pcapng")
    assert digest(one) != digest(other)


@pytest.mark.parametrize("key", ["seed", "validity", "members", *PLACE])
def test_of_the_manifest_all_but_the_place_counts(key: str, tmp_path: Path) -> None:
    one, other = run_at(tmp_path / "one"), run_at(tmp_path / "other", **{key: "changed"})
    assert (digest(one, "everything") == digest(other, "everything")) is (key in PLACE)


def test_a_run_without_captures_has_no_digest_of_them(tmp_path: Path) -> None:
    recording = run_at(tmp_path)
    (recording.captures / "h1-eth0.pcapng").unlink()
    assert digest(recording) is None
    assert digest(recording, "everything") is not None


def test_a_manifest_that_is_none_is_named(tmp_path: Path) -> None:
    run_at(tmp_path / "run").manifest.write_text("{")
    with pytest.raises(BadInput, match=r"manifest\.json: not readable as JSON"):
        digest(Recording(tmp_path / "run"), "everything")
