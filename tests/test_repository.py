"""The repository as a stranger meets it: set-up, metadata, documents, and what must not be in it."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import netemu
from netemu.cli import main
from netemu.experiment.load import load_experiment
from netemu.results.baseline import read_baseline

ROOT = Path(__file__).parents[1]
SCRIPTS = ("tools/setup", "tools/give-back", "tools/as-root", "tools/guest-kernel", ".ci/run")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "results/README.md", *(ROOT / "docs").glob("*.md")])
WORKFLOW = ROOT / ".github/workflows/netemu.yml"


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def requirement_lines() -> list[str]:
    config = setup_cfg()
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return [line for text in texts for line in text.splitlines() if line]


def tracked() -> list[Path]:
    """Every text file that git tracks or would track."""
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file; empty where it is binary."""
    data = path.read_bytes()
    return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")


# ---- metadata ------------------------------------------------------------------------------------------------------


def test_every_version_has_a_lower_and_an_upper_bound() -> None:
    lines = requirement_lines()
    assert len(lines) > 10
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+ >=[0-9.]+, <[0-9.]+", line)] == []


def test_bounds_stand_in_setup_cfg_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "project" not in project
    assert [name.split(">=")[0] for name in project["build-system"]["requires"]] == ["setuptools"]
    assert not list(ROOT.glob("*requirements*.txt"))


def test_the_version_is_the_same_everywhere() -> None:
    version = setup_cfg()["metadata"]["version"]
    assert netemu.__version__ == version
    assert re.search(rf'^version: "?{re.escape(version)}"?$', (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_licence_is_bsd_3_clause() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("BSD 3-Clause License")
    assert "The netemu authors" in text
    assert setup_cfg()["metadata"]["license"] == "BSD-3-Clause"


def test_python_m_netemu_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "netemu", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"netemu {netemu.__version__}\n"


# ---- set-up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)
    assert "set -euo pipefail" in (ROOT / script).read_text()


def test_ci_runs_make_test_without_standard_input() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if "make " in line and line[0] != "#"] == [
        "make test </dev/null",
        "exec make kernel </dev/null",
    ]


def test_the_baseline_of_the_workflow_names_the_claims_that_are_declared() -> None:
    """A claim that was renamed would be no longer declared there, and every job would fail."""
    for key, held in read_baseline(ROOT / "results/gallery/baseline.json").items():
        experiment = load_experiment(ROOT / f"experiments/{key.partition('@')[0]}.py")
        assert held == {claim.name: True for claim in experiment.claims}, key


def test_make_help_names_every_public_target() -> None:
    text = subprocess.run(["make", "-C", str(ROOT), "-s", "help"], capture_output=True, text=True, check=True).stdout
    for target in ("setup", "setup-user", "kernel", "demo", "test", "bench", "clean"):
        assert f"make {target} " in text


@pytest.fixture
def stage() -> Iterator[Path]:
    """A copy of what the set-up reads, where everybody may read it, and ``bin`` to put in front of the PATH."""
    place = Path(tempfile.mkdtemp(prefix="netemu-test-setup-"))
    place.chmod(0o755)
    shutil.copytree(ROOT / "tools", place / "tools")
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, place / name)
    (place / "bin").mkdir()
    yield place
    shutil.rmtree(place)


def stand_in(stage: Path, name: str, text: str) -> None:
    """A program that the set-up finds before the real one."""
    path = stage / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def set_up(stage: Path, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{stage}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(stage), "LC_ALL": "C"}
    argv = [*prefix, str(stage / "tools/setup"), *options]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(("options", "code"), [((), 3), (("--or-why",), 0)])
def test_a_kernel_that_cannot_be_had_is_said_and_fails_only_where_it_must(
    options: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """On a machine whose mirror refuses; the tests in guests are then left out, which pytest says at its end."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/apt-get").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/apt-get").chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "NETEMU_CACHE": str(tmp_path / "cache")}
    argv = [str(ROOT / "tools/guest-kernel"), *options, "7.2"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code, done.stderr
    assert "netemu: error: " in done.stderr
    assert ("tests in guests are left out" in done.stdout) == (code == 0)


def test_no_kernel_is_built_where_none_is_wanted() -> None:
    done = subprocess.run([str(ROOT / "tools/guest-kernel"), ""], capture_output=True, text=True, check=True)
    assert "none is wanted" in done.stdout


ONE_MISSING = """for name; do :; done; [ "$name" = ethtool ] || printf 'install ok installed'"""


def test_a_missing_package_is_installed_after_an_update(stage: Path) -> None:
    stand_in(stage, "dpkg-query", ONE_MISSING)
    done = set_up(stage, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "setup: Debian packages missing: ethtool" in lines
    commands = [line.partition("apt-get ")[2] for line in lines if "apt-get" in line]
    assert commands[0].startswith("update")
    assert commands[1].startswith("install") and commands[1].endswith(" --no-install-recommends ethtool")
    assert len(commands) == 2


def test_where_nothing_is_missing_apt_is_not_called(stage: Path) -> None:
    stand_in(stage, "dpkg-query", "printf 'install ok installed'")
    stand_in(stage, "apt-get", "echo called >&2; exit 9")
    done = set_up(stage, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Debian packages: all there" in done.stdout
    assert "apt-get" not in done.stdout + done.stderr


def test_a_removed_package_with_its_settings_left_counts_as_missing(stage: Path) -> None:
    stand_in(stage, "dpkg-query", "printf 'deinstall ok config-files'")
    assert "missing: python3 python3-venv mininet" in set_up(stage, "--dry-run").stdout


def test_apt_that_leaves_a_package_out_is_an_error(stage: Path) -> None:
    stand_in(stage, "dpkg-query", ONE_MISSING)
    stand_in(stage, "apt-get", "exit 0")
    stand_in(stage, "id", "echo 0")
    done = set_up(stage)
    assert done.returncode == 3
    assert "apt-get left these uninstalled: ethtool" in done.stderr
    assert not (stage / ".venv").exists()


def test_without_root_and_sudo_it_says_both_ways_out(stage: Path) -> None:
    stand_in(stage, "dpkg-query", ONE_MISSING)
    stand_in(stage, "id", "echo 1000")
    (stage / "bin/true-path").mkdir()
    for name in ("bash", "dirname", "flock", "env"):
        (stage / "bin" / name).symlink_to(shutil.which(name) or name)
    environment = {"PATH": f"{stage}/bin", "HOME": str(stage)}
    stand_in(stage, "apt-get", "exit 9")
    argv = [str(stage / "tools/setup")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3
    assert "needs root, and sudo is missing" in done.stderr and "make setup-user" in done.stderr


def test_sudo_is_used_by_whoever_is_not_root(stage: Path) -> None:
    stand_in(stage, "dpkg-query", ONE_MISSING)
    stand_in(stage, "id", "echo 1000")
    lines = set_up(stage, "--dry-run").stdout.splitlines()
    assert [line for line in lines if "apt-get" in line and not line.startswith("setup: + sudo ")] == []
    assert any("apt-get install" in line for line in lines)


def test_the_set_up_without_root_installs_no_package(stage: Path) -> None:
    stand_in(stage, "dpkg-query", ONE_MISSING)
    done = set_up(stage, "--no-root", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "apt-get" not in done.stdout
    assert "pip install" in done.stdout


def test_an_unknown_option_is_refused(stage: Path) -> None:
    done = set_up(stage, "--dryrun")
    assert done.returncode == 2
    assert "--dryrun" in done.stderr


def test_an_interpreter_that_is_too_old_is_refused(stage: Path) -> None:
    stand_in(stage, "oldpython", "exit 1")
    environment = {"PATH": os.environ["PATH"], "PYTHON": str(stage / "bin/oldpython"), "HOME": str(stage)}
    argv = [str(stage / "tools/setup"), "--no-root", "--dry-run"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3
    assert "older than Python 3.11" in done.stderr


@pytest.mark.lab
def test_a_second_set_up_needs_no_network_and_little_time() -> None:
    """In a namespace without any network; the time is generous, since other tests run beside this one."""
    start = time.monotonic()
    argv = ["unshare", "--net", str(ROOT / "tools/setup")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["setup: Debian packages: all there", "setup: .venv: up to date"]
    assert time.monotonic() - start < 15


@pytest.mark.lab
def test_what_root_makes_is_given_to_the_owner_of_the_directory(stage: Path) -> None:
    os.chown(stage, 65534, 65534)
    (stage / "made-by-root").write_text("")
    subprocess.run([str(stage / "tools/as-root"), "touch", str(stage / "made-later")], check=True)
    assert {path.stat().st_uid for path in (stage / "made-by-root", stage / "made-later")} == {65534}


@pytest.mark.lab
def test_as_root_hands_on_the_exit_code(stage: Path) -> None:
    assert subprocess.run([str(stage / "tools/as-root"), "sh", "-c", "exit 7"], check=False).returncode == 7


# ---- documents -----------------------------------------------------------------------------------------------------


def code_lines(document: Path) -> Iterator[str]:
    """The lines of a document's code blocks, fenced or indented; every line of a file that is no Markdown."""
    fenced = False
    for line in document.read_text().replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    ") or ".md" not in document.name:
            yield line.strip()


def commands_in(document: Path) -> Iterator[str]:
    """Every command line of netemu's that a document shows, from the word ``netemu`` to a comment or pipe."""
    for line in code_lines(document):
        match = re.match(r"(?:- run: |run: |\$ )?(?:sudo )?(?:\.venv/bin/)?(netemu [^#|>]*)", line)
        if match:
            yield match[1].strip()


def test_commands_are_found_in_code_alone(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "netemu is\n\n    sudo netemu run a.py  # so\n\n```sh\n.venv/bin/netemu topo \\\n  show b\n```\n"
    )
    assert list(commands_in(document)) == ["netemu run a.py", "netemu topo    show b"]


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, WORKFLOW, ROOT / "netemu/cli/template/README.md.txt"], ids=lambda p: p.name
)
def test_every_command_that_a_document_shows_is_accepted(document: Path) -> None:
    for command in commands_in(document):
        words = shlex.split(command)[1:]
        if words in (["--help"], ["--version"]):
            continue
        assert words[0] in main.COMMANDS, command
        main.build_parser(words[0]).parse_args(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_readme_opens_with_a_figure_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index("results/gallery/path_mtu.svg") < text.index("make demo") < text.index("make test")
    first_block = re.search(r"```\w*\n(.*?)```", text, re.DOTALL)
    assert first_block is not None
    assert [line.split("#")[0].strip() for line in first_block[1].splitlines()] == ["make demo", "make test"]


def test_the_index_lists_every_document() -> None:
    index = (ROOT / "docs/README.md").read_text()
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in names if f"]({name})" not in index} == set()


def test_the_workflow_judges_against_a_baseline_and_keeps_what_it_made() -> None:
    text = WORKFLOW.read_text()
    assert all(word in text for word in ("--junit", "--baseline", "make setup", "upload-artifact", "3.13"))
    assert all(part in text for part in ("figures/", "claims.json", "manifest.json"))


# ---- what must not be here -----------------------------------------------------------------------------------------

PLACES = tuple(f"/{name}/" for name in ("work", "root", "home"))
HOSTS = tuple(f"{name}.org" for name in ("pypi", "pythonhosted", "deb.debian", "npmjs"))
UNFINISHED = tuple(name[::-1] for name in ("ODOT", "EMXIF"))  # reversed, not to find themselves


def test_no_file_names_a_place_on_one_machine_or_a_registry() -> None:
    """A place is a path from the root of the file system; /proc/1/root/ is another thing."""
    pattern = re.compile("|".join([*(rf"(?<![\w.}}\])]){place}" for place in PLACES), *map(re.escape, HOSTS)]))
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path in tracked() for match in pattern.finditer(text_of(path))]
    assert not found, "\n" + "\n".join(found)


def test_nothing_is_left_for_later() -> None:
    found = [f"{path.relative_to(ROOT)}: {word}" for path in tracked() for word in UNFINISHED if word in text_of(path)]
    assert not found, "\n" + "\n".join(found)
