"""``netemu analyze``: text for people, JSON for machines, tables for tools, one line for what is no capture."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from netemu.cli.main import main
from netemu.recording.tables import PACKET_TABLES
from netemu.trace.warm import warm
from tests.trace.build import Talk, ethernet, ip_header, write_pcap

PROMISED = {
    "schema",
    "packets",
    "connection_count",
    "selection",
    "connections",
    "findings",
    "rows",
    "partial",
    "warnings",
    "comments",
    "packet_comments",
}
PROMISED_SIDE = {
    "packets",
    "data_segments",
    "payload_bytes",
    "unique_payload_bytes",
    "mss_announced_bytes",
    "mss_used_bytes",
    "path_mtu_bytes",
    "window_scale",
    "max_window_bytes",
    "zero_windows",
    "retransmitted_segments",
    "retransmits",
    "out_of_order_segments",
    "duplicate_acks",
    "sack_blocks",
    "rtt_min_ns",
    "rtt_median_ns",
}
"""What machines may rely on, in both directions."""
FURTHER_SIDE = {"spurious_retransmits", "window_probes", "keepalives", "goodput_bps"}
FURTHER_SIDE |= {"tcp_options", "super_segments", "jumbo_segments", "acked_bytes", "isn", "resets", "reset_kind"}
CLASSES = ["timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin"]


def recovered() -> Talk:
    """Four segments, the first lost and sent again after SACK blocks, closed by both sides."""
    talk = Talk()
    talk.handshake()
    for i in range(4):
        talk.say(20 + i / 10, "a", 1 + 1448 * i, 1, 1448)
    for i in (2, 3, 4):
        talk.say(30 + i / 10, "b", 1, 1, sack=[(1449, 1 + 1448 * i)])
    talk.say(30.5, "a", 1, 1, 1448)
    talk.say(41, "b", 1, 5793)
    talk.close(50, 5793, 1)
    return talk


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """An analysis that had to be compiled first says so."""
    warm()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_pcap(tmp_path / "one.pcap", recovered().records)


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["analyze", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    found: dict[str, Any] = json.loads(captured.out)
    return found


def test_json_has_the_promised_names(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = parsed(capsys, str(capture))
    assert set(found) == PROMISED
    (connection,) = found["connections"]
    assert {"client", "server", "duration_ns", "a_to_b", "b_to_a"} <= set(connection)
    for direction in ("a_to_b", "b_to_a"):
        assert set(connection[direction]) == PROMISED_SIDE | FURTHER_SIDE
        assert list(connection[direction]["retransmits"]) == CLASSES


def test_json_has_the_right_values(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (connection,) = parsed(capsys, str(capture))["connections"]
    assert (connection["client"], connection["server"]) == ("10.0.0.1:40000", "10.0.0.2:80")
    assert (connection["duration_ns"], connection["complete"]) == (60_010_000, True)
    a, b = connection["a_to_b"], connection["b_to_a"]
    assert (a["packets"], a["data_segments"], a["payload_bytes"], a["unique_payload_bytes"]) == (9, 5, 7240, 5792)
    assert (a["mss_announced_bytes"], a["mss_used_bytes"], a["path_mtu_bytes"], a["window_scale"]) == (
        1460,
        1448,
        1500,
        7,
    )
    assert (a["retransmitted_segments"], a["retransmits"]["fast"], a["out_of_order_segments"]) == (1, 1, 0)
    assert (b["packets"], b["sack_blocks"], b["max_window_bytes"], b["mss_used_bytes"]) == (6, 3, 64000, None)


def test_text_goes_to_standard_output(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(capture)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("15 packets, 1 TCP connection, 7,240 B of payload in 60.01 ms\n")
    assert "1 (1 fast)" in captured.out and captured.err == ""


def test_several_files_and_gzip(capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "two.pcap.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    found = parsed(capsys, str(capture), str(packed))
    first, second = found["connections"]
    assert (first["capture"], second["capture"], found["packets"]) == ("one", "two", 30)
    assert first["a_to_b"] == second["a_to_b"]


def test_out_writes_the_tables(capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tables"
    found = parsed(capsys, str(capture), "--out", str(out))
    assert found == parsed(capsys, str(capture))
    names = {f"{name}.{kind}" for name in ("packets", *PACKET_TABLES) for kind in ("parquet", "csv")}
    assert {path.name for path in out.iterdir()} == names


@pytest.mark.parametrize("content", [b"", b"no capture, only text\n", b"PK\x03\x04" * 9])
def test_no_capture_is_exit_2_and_one_line(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "note.pcap"
    path.write_bytes(content)
    assert main(["analyze", str(path), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"netemu: error: {path}: ") and captured.err.count("\n") == 1


def test_a_missing_file_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path / "gone.pcap")]) == 2
    assert "gone.pcap: No such file or directory; give" in capsys.readouterr().err


def test_a_negative_limit_is_exit_2(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(capture), "--limit", "-1"]) == 2
    assert capsys.readouterr().err == "netemu: error: --limit: -1 is negative; give 0 or more\n"


def test_a_capture_cut_short_is_partial_with_the_byte(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = capture.read_bytes()
    last = len(whole) - 16 - len(recovered().records[-1][1])
    capture.write_bytes(whole[:-1])
    found = parsed(capsys, str(capture))
    assert found["partial"] is True and found["packets"] == 14
    (warning,) = found["warnings"]
    assert warning.startswith(f"{capture}: byte {last}: ")
    assert main(["analyze", str(capture)]) == 0
    captured = capsys.readouterr()
    assert "PARTIAL" in captured.out.splitlines()[0] and captured.err == ""
    assert warning in " ".join(captured.out.split())


def test_tunnels_are_looked_into_with_inner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    talk.handshake()
    frames = [
        (t, ethernet(ip_header("192.0.2.1", "192.0.2.2", 4, len(f) - 14) + f[14:]), n) for t, f, n in talk.records
    ]
    capture = write_pcap(tmp_path / "tunnel.pcap", frames)
    outside, inside = (parsed(capsys, str(capture), *flag) for flag in ((), ("--inner",)))
    assert (outside["connections"], outside["warnings"]) == (
        [],
        ["tunnel.pcap: 3 packets that carry others within (tunnels), which were not looked at"],
    )
    assert ([c["client"] for c in inside["connections"]], inside["warnings"]) == (["10.0.0.1:40000"], [])


def test_filters_choose_what_every_output_holds(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Talk(ports=(40001, 443))
    talk.handshake()
    records = sorted([*recovered().records, *talk.records], key=lambda record: record[0])
    both = write_pcap(tmp_path / "both.pcap", records)
    out, seen = tmp_path / "tables", tmp_path / "seen.pcapng"
    asked = ["--port", "443", "--host", "10.0.0.0/8", "--to", "10.005ms"]
    found = parsed(capsys, str(both), *asked, "--out", str(out), "--annotate", str(seen))
    assert [row["server"] for row in found["connections"]] == ["10.0.0.2:443"]
    assert (found["packets"], found["connection_count"]) == (18, 2)
    assert found["selection"] == "host 10.0.0.0/8, port 443, to 10.005ms"
    assert pl.read_parquet(out / "packets.parquet").height == pl.read_csv(out / "packets.csv").height == 2
    assert pl.read_parquet(out / "connections.parquet").height == 1
    assert parsed(capsys, str(seen))["packets"] == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--connection", "9"], "connection 9: no such number; there is connections 0 to 0"),
        (["--connection", "first"], "--connection: 'first' is not a number such as 3"),
        (["--host", "10.0.0.300"], "--host: '10.0.0.300' is no address"),
        (["--port", "https"], "--port: 'https' is no port"),
        (["--from", "1.5"], "--from: '1.5' has no unit"),
        (["--from", "3s", "--to", "1s"], "--to: '1s' is not after --from '3s'"),
        (["--annotate", "/nowhere/x.pcapng"], "--annotate: /nowhere/x.pcapng: No such file or directory"),
    ],
)
def test_a_bad_option_is_exit_2_and_one_line(
    asked: list[str], message: str, capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(capture), *asked]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith(f"netemu: error: {message}")
    assert captured.err.count("\n") == 1


def test_annotate_takes_one_capture(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(capture), str(capture), "--annotate", "x.pcapng"]) == 2
    assert "--annotate: takes one capture, not 2" in capsys.readouterr().err


def run_with(stdin: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "netemu", "analyze", *words]
    return subprocess.run(argv, input=stdin, capture_output=True, check=False)


def test_standard_input_is_a_capture_too(capture: Path) -> None:
    done = run_with(capture.read_bytes(), "-", "--json")
    (connection,) = json.loads(done.stdout)["connections"]
    assert (done.returncode, connection["capture"], done.stderr) == (0, "stdin", b"")
    refused = run_with(b"no capture", "-")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.startswith(b"netemu: error: standard input: is neither pcap nor pcapng")
    assert run_with(b"", "-", "-").stderr == b"netemu: error: -: standard input can be given once\n"


def test_a_reader_that_goes_away_ends_it_quietly(capture: Path) -> None:
    argv = [sys.executable, "-m", "netemu", "analyze", str(capture), "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_help_comes_at_once() -> None:
    """Nothing heavy is imported for it; bench_analysis measures the time."""
    program = (
        "import sys\nfrom netemu.cli.main import build_parser\nbuild_parser('analyze')\n"
        "print([name for name in ('numpy', 'polars', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_summary_leaves_nothing_behind_and_says_where_it_needs_room(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "room"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert main(["analyze", str(capture)]) == 0
    assert list(place.iterdir()) == []
    place.rmdir()
    assert main(["analyze", str(capture)]) == 2
    text = f"tables cannot be kept in {place}: No such file or directory; set TMPDIR to a directory with room"
    assert capsys.readouterr().err == f"netemu: error: {text}\n"
