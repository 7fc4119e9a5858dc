"""The list of kernels: which of them a name means, and what wants attention."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netemu.kernels.build import build_named
from netemu.kernels.overview import describe, notes, picked_by, size_of, table
from netemu.kernels.store import Store


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def test_the_one_that_is_picked_is_marked_and_older_recipes_are_told_of(linux: Path, data: Path, store: Store) -> None:
    old = build_named(None, linux, store, quiet)
    assert notes(store) == []
    assert picked_by(old, store) == ["uml:9.9", "uml:9.9.1"]
    with (data / "uml.config").open("a") as file:
        file.write("CONFIG_TUN=y\n")
    (note,) = notes(store)
    assert note.startswith(
        f"{old.name}: built by an older recipe of netemu's; it still runs. netemu kernels build --source"
    )
    assert f"netemu kernels remove {old.name}" in note
    new = build_named(None, linux, store, quiet)
    lines = [" ".join(line.split()) for line in table(store).splitlines()]
    assert lines[1].startswith(f"uml:9.9 {new.name} built today's ")
    assert lines[2].startswith(f"{old.name} built older ")
    assert (describe(new, store)["picked_by"], describe(old, store)["picked_by"]) == (["uml:9.9", "uml:9.9.1"], [])
    assert (describe(new, store)["up_to_date"], describe(old, store)["up_to_date"]) == (True, False)


def test_a_shared_place_that_is_none_is_told_of(store: Store) -> None:
    assert notes(Store(store.own, (Path("/no/such"),))) == ["/no/such: no such directory (it stands in NETEMU_KERNELS)"]


def test_an_unfinished_build_is_told_of_with_its_size(store: Store) -> None:
    shop = store.workshop / "6.1.9-aaaaaaaaaaaa"
    shop.mkdir(parents=True)
    (shop / "object").write_bytes(b"x" * 5000)
    assert size_of(shop) >= 5000
    (note,) = notes(store)
    assert "netemu kernels build 6.1 goes on with it" in note
    assert "netemu kernels remove 6.1.9-aaaaaaaaaaaa" in note


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("linux-source-7.2_7.2.13-1.tar.xz", "build 7.2"),
        ("linux-9.9.1.tar.xz", "build --source .../linux-9.9.1.tar.xz"),
    ],
)
def test_the_command_that_gives_a_kernel_again_names_its_source(
    name: str, command: str, linux: Path, data: Path, store: Store
) -> None:
    entry = build_named(None, linux, store, quiet)
    made = msgspec.structs.replace(
        entry.manifest, version="7.2.13", source=msgspec.structs.replace(entry.manifest.source, name=name)
    )
    assert type(entry)(entry.directory, made).command == command
