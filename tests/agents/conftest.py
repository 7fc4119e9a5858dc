"""Fixtures of the agents' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.harness import Bench, Namespace, namespaces, pair


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Starts agents; kills what is left."""
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def cage() -> Iterator[Namespace]:
    """One network namespace with ``lo`` up."""
    with namespaces(1) as made:
        yield made[0]


@pytest.fixture
def hosts() -> Iterator[tuple[Namespace, Namespace]]:
    """Two hosts on one veth pair."""
    with pair() as made:
        yield made
