"""Counts of one capture by netemu, tshark and tcptrace, under common names."""

from __future__ import annotations

import gzip
import multiprocessing
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LIMIT_S = 10
MAGIC = {
    bytes.fromhex(text) for text in ("0a0d0d0a", "d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "34cdb2a1", "a1b2cd34")
}
FIGURES = (
    "tcp packets",
    "connections",
    "payload bytes",
    "unique bytes",
    "retransmitted",
    "out of order",
    "zero windows",
    "duplicate acks",
    "window probes",
    "keepalives",
)
"""What is compared, where a tool tells it."""


@dataclass
class Outcome:
    """What one tool said of one capture: counts by the names of FIGURES, or why there are none."""

    counts: dict[str, int] = field(default_factory=dict)
    failure: str = ""
    crashed: bool = False


def is_capture(path: Path) -> bool:
    """Whether a file begins as a pcap or pcapng file does, also inside gzip."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                head = packed.read(4)
    except (OSError, EOFError):
        return False
    return head in MAGIC


# ---- netemu --------------------------------------------------------------------------------------------------------


def _warm_observers() -> None:
    """Those that compile at the first fragment or datagram: a first capture with one must not seem to hang."""
    import netemu
    from tests.trace.build import write_pcap
    from tests.trace.observe.packets import fragments

    with tempfile.TemporaryDirectory() as directory:
        netemu.analyze(write_pcap(Path(directory) / "fragments.pcap", fragments(0, 7, [1480, 48])))  # type: ignore[operator]


def _serve(link: Connection) -> None:
    """Analyse each path that comes and send back its counts; a process of its own can be ended when it hangs."""
    from netemu.errors import NetemuError
    from netemu.trace.warm import warm

    warm()
    _warm_observers()
    link.send("ready")
    while (path := link.recv()) is not None:
        try:
            link.send(Outcome(_counts(path)))
        except NetemuError as error:
            link.send(Outcome(failure=str(error)))
        except BaseException as error:
            link.send(Outcome(failure=f"{type(error).__name__}: {error}", crashed=True))
            raise


def _counts(path: str) -> dict[str, int]:
    import netemu

    analysis: Any = netemu.analyze(path)  # type: ignore[operator]
    packets, rows = analysis.packets, analysis.connections

    def both(name: str) -> int:
        return int(rows[f"a_{name}"].sum() + rows[f"b_{name}"].sum())

    return {
        "tcp packets": int((packets["connection"] >= 0).sum()),
        "connections": rows.height,
        "payload bytes": both("payload_bytes"),
        "unique bytes": both("unique_payload_bytes"),
        "retransmitted": int(
            packets["kind"].is_in(["timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin"]).sum()
        ),
        "out of order": both("out_of_order_segments"),
        "zero windows": both("zero_windows"),
        "duplicate acks": both("duplicate_acks"),
        "window probes": both("window_probes"),
        "keepalives": both("keepalives"),
    }


class Netemu:
    """The analysis in a process of its own, started again after a hang or a crash."""

    def __init__(self) -> None:
        self._process: Any = None
        self._link: Any = None

    def counts(self, path: Path) -> Outcome:
        """The counts; an outcome that says ``crashed`` for a hang over LIMIT_S as well."""
        if self._process is None:
            self._start()
        self._link.send(str(path))
        if not self._link.poll(LIMIT_S):
            self.stop()
            return Outcome(failure=f"no answer within {LIMIT_S} s", crashed=True)
        try:
            outcome: Outcome = self._link.recv()
        except EOFError:
            outcome = Outcome(failure="the process died", crashed=True)
        if outcome.crashed:
            self.stop()
        return outcome

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._link, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self._link.recv()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


# ---- tshark --------------------------------------------------------------------------------------------------------

_TESTS = (
    "retransmission",
    "fast_retransmission",
    "spurious_retransmission",
    "out_of_order",
    "zero_window",
    "duplicate_ack",
    "zero_window_probe",
    "keep_alive",
)


def by_tshark(path: Path) -> Outcome:
    """Counts of ``tcp.analysis``; bytes are those of the segments, whether captured or not."""
    fields = ["tcp.stream", "tcp.len", *(f"tcp.analysis.{name}" for name in _TESTS)]
    options = [word for name in fields for word in ("-e", name)]
    # First occurrence: a packet that an ICMP error quotes, or inside a tunnel, is not a packet of this capture
    argv = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-Y",
        "tcp && !icmp && !icmpv6",
        "-T",
        "fields",
        "-E",
        "occurrence=f",
        *options,
    ]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=6 * LIMIT_S)
    except subprocess.TimeoutExpired:
        return Outcome(failure=f"no answer within {6 * LIMIT_S} s")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    if done.returncode and not rows:
        return Outcome(failure=done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed")
    found = Counter({name: sum(bool(row[i]) for row in rows) for i, name in enumerate(_TESTS, 2)})
    again = sum(bool(row[2] or row[3] or row[4]) for row in rows)
    return Outcome(
        {
            "tcp packets": len(rows),
            "connections": len({row[0] for row in rows}),
            "payload bytes": sum(int(row[1] or 0) for row in rows),
            "retransmitted": again,
            "out of order": found["out_of_order"],
            "zero windows": found["zero_window"],
            "duplicate acks": found["duplicate_ack"],
            "window probes": found["zero_window_probe"],
            "keepalives": found["keep_alive"],
        }
    )


# ---- tcptrace ------------------------------------------------------------------------------------------------------

_TCPTRACE = {
    "tcp packets": r"total packets:\s+(\d+)\s+total packets:\s+(\d+)",
    "payload bytes": r"actual data bytes:\s+(\d+)\s+actual data bytes:\s+(\d+)",
    "unique bytes": r"unique bytes sent:\s+(\d+)\s+unique bytes sent:\s+(\d+)",
    "retransmitted": r"rexmt data pkts:\s+(\d+)\s+rexmt data pkts:\s+(\d+)",
    "out of order": r"outoforder pkts:\s+(\d+)\s+outoforder pkts:\s+(\d+)",
    "zero windows": r"zero win adv:\s+(\d+) times\s+zero win adv:\s+(\d+) times",
    "duplicate acks": r"duplicate acks:\s+(\d+)\s+duplicate acks:\s+(\d+)",
    "window probes": r"zwnd probe pkts:\s+(\d+)\s+zwnd probe pkts:\s+(\d+)",
}


def read_tcptrace(text: str) -> Outcome:
    """Counts of the text that ``tcptrace -ln`` prints, both directions added up."""
    if "TCP packets traced" not in text and "total packets:" not in text:
        lines = [line for line in text.strip().splitlines() if line]
        return Outcome(failure=lines[-1] if lines else "no output")
    counts = {name: sum(int(a) + int(b) for a, b in re.findall(pattern, text)) for name, pattern in _TCPTRACE.items()}
    counts["connections"] = len(re.findall(r"^TCP connection \d+:", text, re.MULTILINE))
    if "duplicate acks:" not in text and counts["tcp packets"]:
        del counts["duplicate acks"]  # printed only where there were RTT samples
    return Outcome(counts)


def by_tcptrace(path: Path) -> Outcome:
    """Counts of ``tcptrace -lrn`` (with RTT figures: duplicate ACKs stand among them)."""
    with tempfile.TemporaryDirectory() as directory:
        argv = ["tcptrace", "-lrn", "--output_dir=" + directory, str(path)]
        try:
            done = subprocess.run(argv, capture_output=True, check=False, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return Outcome(failure=f"no answer within {LIMIT_S} s")
    if done.returncode < 0:
        return Outcome(failure=f"killed by signal {-done.returncode}")
    return read_tcptrace(done.stdout.decode("utf-8", "replace") or done.stderr.decode("utf-8", "replace"))


def golden(path: Path) -> Outcome | None:
    """tcptrace's own expected output beside its sample inputs (``OUTPUTbench/NAME.long``); None where there is none."""
    text = path.parent / "OUTPUTbench" / f"{path.name}.long"
    return read_tcptrace(text.read_text("utf-8", "replace")) if text.exists() else None
