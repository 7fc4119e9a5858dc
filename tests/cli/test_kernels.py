"""``netemu kernels``: the table, the JSON, and each user's mistake in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.cli.main import main
from netemu.kernels import build
from netemu.kernels.store import File, KernelManifest, Store, sha256_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two kernels."""
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path))
    monkeypatch.delenv("NETEMU_KERNELS", raising=False)
    store = Store(tmp_path / "kernels")
    for version, virtual in (("6.1.176", False), ("7.2.13", True)):
        staged = tmp_path / "staged"
        staged.mkdir()
        (staged / "linux").write_text(version)
        lines = "CONFIG_HZ=250\nCONFIG_NET_SCH_NETEM=y\nCONFIG_TCP_CONG_BBR=y\n"
        (staged / "config").write_text(lines + "CONFIG_UML_TIME_TRAVEL_SUPPORT=y\n" * virtual)
        manifest = KernelManifest(
            version=version,
            key="ab" * 6,
            origin="built" if virtual else "debian",
            source=File("linux", "0" * 64),
            binary_sha256=sha256_of(staged / "linux"),
            config_sha256=sha256_of(staged / "config"),
            virtual_time=virtual,
            modules=False,
        )
        store.admit(staged, manifest)
    return store


def test_the_list_says_what_each_can_do(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "PICKED BY NAME ORIGIN RECIPE TIME NETEM TRACING TICK CONGESTION CONTROLS"
    assert " ".join(lines[1].split()) == "uml:7.2 7.2.13-abababababab built older real, virtual yes no 250 Hz bbr reno"
    assert " ".join(lines[2].split()) == "uml:6.1 6.1.176-abababababab debian - real yes no 250 Hz bbr reno"
    assert lines[3].startswith("7.2.13-abababababab: built by an older recipe")
    assert "--available" in lines[4]


def test_the_list_as_json_has_the_hash(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["version"] for one in found] == ["7.2.13", "6.1.176"]
    assert found[0]["sha256"] == store.find("7.2").manifest.binary_sha256
    assert found[0]["congestion"] == ["bbr", "reno"]


def test_an_empty_store_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETEMU_CACHE", str(tmp_path))
    assert main(["kernels", "list"]) == 0
    assert capsys.readouterr().out.startswith(f"no kernel in {tmp_path}/kernels\n")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["build"], 2, "give a version such as 6.12, or --source PATH"),
        (["build", "6.12", "--source", "x"], 2, "not both"),
        (["build", "newest"], 2, "'newest' is no kernel version"),
        (["build", "--source", "/no/such.tar.xz"], 2, "--source /no/such.tar.xz: no such file"),
        (["check", "5.10"], 3, "netemu kernels build 5.10"),
        (["check", "7.2.13-xyz"], 2, "is no kernel version"),
        (["check", "uml:5.10"], 3, "netemu kernels build 5.10"),
        (["build", "uml:newest"], 2, "uml:newest: 'newest' is no kernel version"),
        (["get", "six"], 2, "'six' is no kernel version"),
        (["build", "7.2", "--jobs", "0"], 2, "--jobs 0"),
        (["build", "--source", "x", "--print-key"], 2, "give a version"),
        (["remove", "5.10"], 2, "'5.10': no such kernel"),
        (["remove", "../x"], 2, "is no kernel version"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], code: int, why: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernels", *words]) == code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("netemu: error: ")
    assert why in error


def test_a_kernel_is_removed_without_a_question(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "remove", "7.2"]) == 0
    assert capsys.readouterr().out == f"removed {store.own}/uml-7.2.13-abababababab\n"
    assert [entry.manifest.version for entry in store.entries()] == ["6.1.176"]


def test_the_key_of_a_cache_is_one_word(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "build", "7.2", "--print-key"]) == 0
    assert len(capsys.readouterr().out.split()) == 1


def test_an_interrupted_build_says_how_to_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "build_named", interrupt)
    assert main(["kernels", "build", "7.2"]) == 130
    assert "the same command goes on where this one stopped" in capsys.readouterr().err


def test_a_damaged_kernel_is_not_booted(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.find("7.2").binary.write_text("damaged")
    assert main(["kernels", "check", "7.2"]) == 3
    assert "SHA-256" in capsys.readouterr().err
