"""What counts as drift between two runs of one plan."""

import polars as pl
import pytest

from netemu.recording.tables import CONNECTIONS
from netemu.results.drift import compare_claims, compare_connections, compare_environment


def connections(**changed: object) -> pl.DataFrame:
    row: dict[str, object] = dict.fromkeys(CONNECTIONS, 1000)
    row |= {"capture": "h1-eth0", "client": "10.0.0.1:4000", "server": "10.0.0.2:5001", "complete": True}
    return pl.DataFrame([row | changed])


def test_equal_runs_and_other_client_ports_do_not_drift() -> None:
    assert compare_connections(connections(), connections(client="10.0.0.1:4999")) == []


@pytest.mark.parametrize(
    ("column", "value", "drifts"),
    [
        ("a_path_mtu_bytes", 1001, True),
        ("a_path_mtu_bytes", None, True),
        ("b_retransmitted_segments", 1200, False),
        ("b_retransmitted_segments", 1201, True),
        ("duration_ns", 50_001_000, False),
        ("duration_ns", 50_001_001, True),
    ],
)
def test_each_quantity_has_its_tolerance(column: str, value: int | None, drifts: bool) -> None:
    found = compare_connections(connections(), connections(**{column: value}))
    assert [finding.quantity for finding in found] == ([column] if drifts else [])


def test_a_connection_that_is_gone_is_named() -> None:
    (finding,) = compare_connections(connections(), connections().clear())
    assert str(finding) == "h1-eth0, to 10.0.0.2:5001 #1: connection was present, is absent (tolerance exact)"


def test_claims_and_environment() -> None:
    (claim,) = compare_claims(
        [{"name": "a", "holds": True}, {"name": "b", "holds": True}], [{"name": "a", "holds": True}]
    )
    assert claim.quantity == "b"
    (release,) = compare_environment({"kernel_details": {"release": "6.1"}}, {"kernel_details": {"release": "6.12"}})
    assert str(release) == "environment: kernel_details.release was 6.1, is 6.12 (tolerance exact)"


def test_of_two_kernel_configurations_only_the_option_that_differs_is_named() -> None:
    before = {"kernel_details": {"release": "6.1", "config": {"options": {"HZ": "250", "IPV6": "y"}}}}
    after = {"kernel_details": {"release": "6.1", "config": {"options": {"HZ": "1000", "IPV6": "y"}}}}
    (finding,) = compare_environment(before, after)
    assert (finding.quantity, finding.before, finding.after) == ("kernel_details.config.options.HZ", "250", "1000")
