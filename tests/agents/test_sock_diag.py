"""Raw sock_diag finds the sockets of one namespace, by dump and one by one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from netemu.agents.sock_diag import SockDiag, messages
from netemu.agents.sock_rows import COLUMNS, Rows
from tests.agents.harness import Namespace

pytestmark = pytest.mark.lab

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def connections(cage: Namespace) -> Iterator[list[Pair]]:
    """One connection of each family, between sockets of this process in the namespace."""
    made = []
    with cage.entered():
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.create_server((address, 5001), family=family) as server:
                client = socket.create_connection((address, 5001))
                made.append((client, server.accept()[0]))
    yield made
    for pair in made:
        for sock in pair:
            sock.close()


def ends(parts: list[bytes]) -> set[tuple[str, str]]:
    rows = Rows()
    return {row[:2] for part in parts for row in rows.rows(part)}


def show(sock: socket.socket) -> tuple[str, str]:
    texts = [f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}" for name in _names(sock)]
    return texts[0], texts[1]


def _names(sock: socket.socket) -> tuple[tuple[str, int], tuple[str, int]]:
    return sock.getsockname(), sock.getpeername()


def test_a_dump_finds_both_families(cage: Namespace, connections: list[Pair]) -> None:
    with cage.entered():
        diag = SockDiag()
    found = ends(diag.dump())
    assert found == {show(sock) for pair in connections for sock in pair}
    assert len(diag.known) == 4
    diag.close()


def test_look_ups_find_what_a_dump_found_until_it_is_gone(cage: Namespace, connections: list[Pair]) -> None:
    with cage.entered():
        diag = SockDiag()
    assert diag.look_up() == []
    dumped = ends(diag.dump())
    assert ends(diag.look_up()) == dumped
    for sock in connections[0]:
        sock.close()
    assert ends(diag.look_up()) == {show(sock) for sock in connections[1]}
    assert len(diag.known) == 2
    assert ends(diag.look_up()) == ends(diag.dump())
    diag.close()


def test_other_namespaces_are_not_seen(cage: Namespace, connections: list[Pair]) -> None:
    assert connections
    ours = {show(sock) for pair in connections for sock in pair}
    diag = SockDiag()
    assert not ours & ends(diag.dump())
    diag.close()


def test_rows_have_every_column(cage: Namespace, connections: list[Pair]) -> None:
    client = connections[0][0]
    with cage.entered():
        diag = SockDiag()
    parts = diag.dump()
    rows = [dict(zip(COLUMNS, row, strict=True)) for part in parts for row in Rows().rows(part)]
    row = next(row for row in rows if row["local"] == show(client)[0])
    assert row["state"] == "ESTABLISHED"
    assert row["cookie"] == int.from_bytes(client.getsockopt(socket.SOL_SOCKET, 57, 8), "little")
    assert row["sndbuf_bytes"] == client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert row["rcvbuf_bytes"] == client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert row["congestion"].encode() == client.getsockopt(6, socket.TCP_CONGESTION, 16).rstrip(b"\0")
    assert sum(1 for part in parts for _ in messages(part)) == len(rows) == 4
    diag.close()
