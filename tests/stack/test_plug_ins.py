"""A plug-in that cannot be had is refused by its name, whatever its module does."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from netemu.errors import BadInput, MissingCapability, Terminated
from netemu.stack.plug_ins import load_plug_in, made


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module ``theirs`` that Python finds."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    return tmp_path / "theirs.py"


def load(name: str = "theirs:X") -> object:
    return load_plug_in("profile", EntryPoint("mine", name, "netemu.profiles"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no attribute 'X'"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("X = 1 +", "SyntaxError: invalid syntax"),
        ("X = missing", "NameError: name 'missing' is not defined"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_its_reason(package: Path, text: str, told: str) -> None:
    package.write_text(text)
    with pytest.raises(BadInput) as refusal:
        load()
    assert str(refusal.value).startswith("profile mine = theirs:X: cannot be loaded: ")
    assert told in str(refusal.value)


def test_what_is_ours_passes(package: Path) -> None:
    package.write_text("from netemu.errors import MissingCapability\nraise MissingCapability('too old')")
    with pytest.raises(MissingCapability, match=r"^too old$"):
        load()
    sys.modules.pop("theirs", None)
    package.write_text("from netemu.errors import Terminated\nraise Terminated(15)")
    with pytest.raises(Terminated):
        load()


def test_a_class_is_made_an_object_and_its_mistake_is_named() -> None:
    assert made({"a": 1}, "place") == {"a": 1}
    assert made(list, "place") == []

    class Greedy:
        def __init__(self) -> None:
            raise ValueError("more")

    with pytest.raises(BadInput, match=r"^congestion control x = y:Z: Greedy\(\) cannot be made: ValueError: more$"):
        made(Greedy, "congestion control x = y:Z")
