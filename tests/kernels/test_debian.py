"""The private apt: what it reads of apt's answers, and that the machine's own apt stays as it is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import debian
from netemu.kernels.debian import PrivateApt, _paragraphs, _sort_key, machine_mirror, newest_source


def quiet(_: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Debian mirror of our own on this disk, with two versions of one source package; it is not signed."""
    root = tmp_path / "mirror"
    paragraphs = []
    for version in ("9.9.1-1", "9.9.10-1"):
        tree = tmp_path / f"deb-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/src").mkdir(parents=True)
        (tree / "usr/src/linux-source-9.9.tar.xz").write_text(f"tarball of {version}")
        control = f"Package: linux-source-9.9\nVersion: {version}\nArchitecture: all\nMaintainer: x\nDescription: x\n"
        (tree / "DEBIAN/control").write_text(control)
        deb = root / f"pool/linux-source-9.9_{version}_all.deb"
        deb.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
        sha256 = hashlib.sha256(deb.read_bytes()).hexdigest()
        paragraphs.append(f"{control}Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256}\n")
    lists = root / "dists/sid/main/binary-amd64"
    lists.mkdir(parents=True)
    (lists / "Packages").write_text("\n".join(paragraphs))
    digest = hashlib.sha256((lists / "Packages").read_bytes()).hexdigest()
    size = (lists / "Packages").stat().st_size
    (root / "dists/sid/Release").write_text(
        "Origin: Debian\nSuite: sid\nCodename: sid\nComponents: main\nArchitectures: amd64 all\n"
        f"SHA256:\n {digest} {size} main/binary-amd64/Packages\n"
    )
    monkeypatch.setattr(debian, "_TRUST", "[trusted=yes]")
    return f"file:{root}"


def machine_apt_state() -> str:
    """Everything that a change of the machine's apt would change."""
    listing = subprocess.run(
        ["find", "/etc/apt", "/var/lib/apt", "/var/cache/apt", "-printf", "%p %T@ %s\n"],
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout


def test_the_newest_version_comes_first_and_is_downloaded(mirror: str, tmp_path: Path) -> None:
    before = machine_apt_state()
    apt = PrivateApt(tmp_path / "apt", mirror)
    package = newest_source(apt, "9.9", quiet)
    assert package.version == "9.9.10-1"
    path = apt.download(package, tmp_path / "sources", quiet)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == package.sha256
    assert newest_source(apt, "9.9.1", quiet).version == "9.9.1-1"
    assert machine_apt_state() == before


def test_the_source_comes_out_of_the_package(mirror: str, tmp_path: Path) -> None:
    from netemu.kernels.sources import _extract_from_deb

    apt = PrivateApt(tmp_path / "apt", mirror)
    deb = apt.download(newest_source(apt, "9.9", quiet), tmp_path, quiet)
    _extract_from_deb(deb, "./usr/src/linux-source-9.9.tar.xz", tmp_path / "out.tar.xz")
    assert (tmp_path / "out.tar.xz").read_text() == "tarball of 9.9.10-1"
    with pytest.raises(MissingCapability, match="could not be taken out"):
        _extract_from_deb(deb, "./no/such", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_unknown_version_names_those_there_are(mirror: str, tmp_path: Path) -> None:
    apt = PrivateApt(tmp_path / "apt", mirror)
    with pytest.raises(BadInput, match=r"no such source; it has 9\.9 "):
        newest_source(apt, "9.8", quiet)
    with pytest.raises(BadInput, match=r"it has 9\.9\.10-1, 9\.9\.1-1 "):
        newest_source(apt, "9.9.7", quiet)


def test_a_mirror_that_is_none_is_named(tmp_path: Path) -> None:
    apt = PrivateApt(tmp_path / "apt", f"file:{tmp_path}/nowhere")
    with pytest.raises(MissingCapability, match=r"no package list could be had from .*nowhere.*--mirror.*--source"):
        apt.packages("linux-source-9.9", quiet)


def test_lists_of_another_mirror_do_not_count(mirror: str, tmp_path: Path) -> None:
    PrivateApt(tmp_path / "apt", mirror).packages("linux-source-9.9", quiet)
    with pytest.raises(MissingCapability, match=r"no package list could be had from .*nowhere"):
        PrivateApt(tmp_path / "apt", f"file:{tmp_path}/nowhere").packages("linux-source-9.9", quiet)
    assert PrivateApt(tmp_path / "apt", mirror).packages("linux-source-9.9", quiet)


def test_a_mirror_that_refuses_is_named_with_its_reason(tmp_path: Path) -> None:
    apt = PrivateApt(tmp_path / "apt", "http://127.0.0.1:9/debian")
    with pytest.raises(MissingCapability, match=r"127\.0\.0\.1:9/debian \(Failed to fetch .*\): check the network"):
        apt.packages("linux-source-9.9", quiet)


def test_a_disk_without_room_for_the_lists_is_named(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(1, 1, 60_000_000))  # type: ignore[attr-defined]
    with pytest.raises(MissingCapability, match=r"need 700 MB, and 60 MB are free: .*NETEMU_CACHE"):
        PrivateApt(tmp_path / "apt", mirror).packages("linux-source-9.9", quiet)


def test_a_mirror_that_is_no_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--mirror 'nonsense': write a URL"):
        PrivateApt(tmp_path / "apt", "nonsense")


def test_two_at_once_take_turns(mirror: str, tmp_path: Path) -> None:
    """Without a lock of ours, apt would refuse the second."""
    apt = PrivateApt(tmp_path / "apt", mirror)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: apt.packages("linux-source-9.9", quiet), range(3)))
    assert [len(packages) for packages in found] == [2, 2, 2]
    assert not (tmp_path / "apt/lock").exists()


def test_the_lists_are_read_once_a_day(mirror: str, tmp_path: Path) -> None:
    said: list[str] = []
    apt = PrivateApt(tmp_path / "apt", mirror)
    apt.packages("linux-source-9.9", said.append)
    apt.packages("linux-source-9.9", said.append)
    assert [text.split(":")[0] for text in said] == [
        "reading the package lists of 6 Debian suites",
        "without bullseye, bookworm, trixie, trixie-backports, forky",
    ]


def test_a_machine_that_is_no_debian_is_told_of_the_tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingCapability, match="--source TARBALL"):
        PrivateApt(tmp_path / "apt")


def test_the_mirror_is_the_machines_own() -> None:
    if "\nID=debian\n" not in f"\n{Path('/etc/os-release').read_text()}":
        with pytest.raises(MissingCapability, match="no source with Debian's main component"):
            machine_mirror()
        return
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    known = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split()
    address, keyring = machine_mirror()
    assert any(one.rstrip("/") == address for one in known)
    assert keyring.is_absolute()


def test_backports_come_before_what_they_are_made_of() -> None:
    versions = ["7.2.13-1", "7.2.9-1", "7.2.13-1~bpo13+1", "7.2.12-1~bpo13+1"]
    assert sorted(versions, key=_sort_key) == ["7.2.9-1", "7.2.12-1~bpo13+1", "7.2.13-1~bpo13+1", "7.2.13-1"]


def test_paragraphs_without_a_file_are_passed_over() -> None:
    installed = "Package: a\nVersion: 1\nStatus: installed\n"
    offered = "Package: a\nVersion: 2\nSize: 3\nSHA256: ff\nFilename: pool/a.deb\n"
    assert [package.version for package in _paragraphs(f"{installed}\n{offered}")] == ["2"]
