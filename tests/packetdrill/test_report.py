"""The table, the counts, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.packetdrill.__main__ import main
from tests.packetdrill.report import FAILED, NOT_APPLICABLE, PASSED, judge, judge_versions, scripts_below, table
from tests.packetdrill.settings import VERSIONS, Settings

_SCRIPTS = {
    "a/good.pkt": "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n",
    "a/wrong.pkt": "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EACCES (no)\n",
    "b/broken.pkt": "0 what\n",
    "b/other.pkt": "`nft list tables`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n",
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, text in _SCRIPTS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_each_script_has_one_verdict(scripts: Path) -> None:
    outcomes = [judge(path, Settings(), "linux-7") for path in scripts_below([scripts])]
    assert [outcome.verdict for outcome in outcomes] == [PASSED, FAILED, FAILED, NOT_APPLICABLE]
    assert "line 1" in outcomes[1].told()
    assert "nft list tables" in outcomes[3].told()
    assert table(outcomes).splitlines()[-1].split() == ["all", "4", "1", "2", "1"]


def test_each_version_of_ip_counts_unless_the_script_names_one(scripts: Path) -> None:
    good = scripts / "a/good.pkt"
    assert [outcome.verdict for outcome in judge_versions(good, VERSIONS, "linux-7")] == [PASSED] * 3
    good.write_text("--ip_version=ipv6\n" + good.read_text())
    assert len(judge_versions(good, VERSIONS, "linux-7")) == 1


def test_the_command_prints_what_is_asked_for(scripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(scripts), "--counts"]) == 1
    assert "wrong.pkt" not in capsys.readouterr().out
    assert main([str(scripts / "a/good.pkt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scripts"][0]["verdict"] == PASSED


def test_a_directory_without_scripts_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "no script there" in capsys.readouterr().err
