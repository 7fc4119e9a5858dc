"""What a packet's columns say, as one line for a person who reads the capture packet by packet."""

from __future__ import annotations

from typing import Any

import polars as pl

from netemu.trace.show.words import counted, format_duration

KINDS = {
    "timeout": "retransmission: the retransmission timer had fired",
    "fast": "fast retransmission: the receiver's reports, or a router's",
    "tail_loss_probe": "retransmission: tail loss probe, before the retransmission timer",
    "syn": "retransmission of the SYN",
    "syn_ack": "retransmission of the SYN-ACK",
    "fin": "retransmission of the FIN",
    "window_probe": "probe of a zero window",
    "keepalive": "keepalive probe",
}
ACKS = {
    "duplicate": "duplicate ACK",
    "dsack": "D-SACK: reports a duplicate",
    "window_update": "window update",
    "window_probe_ack": "answers a window probe: still closed",
    "keepalive_ack": "answers a keepalive",
    "challenge": "challenge ACK",
    "old": "old ACK: overtaken on its way",
    "unseen": "acknowledges data that the capture does not hold",
    "repeated": "repeated ACK: nothing seen made the receiver send it",
}
"""Kinds of acknowledgements that tell something; the others are what every transfer is made of."""
FLAGS = {
    "out_of_order": "out of order: sent before a packet seen earlier",
    "network_duplicate": "copy made by the network",
    "zero_window": "zero window",
    "window_full": "fills the receiver's window",
}
SPURIOUS = {
    "dsack": "a D-SACK reports these bytes",
    "eifel": "the ACK echoes a time before it",
    "frto": "after it, what had been sent before was acknowledged",
    "already_acked": "its bytes had been acknowledged",
    "already_sacked": "its bytes had been reported by SACK",
}


def noteworthy() -> pl.Expr:
    """Packets that get a comment: every one with a verdict beside plain data and plain ACKs."""
    flags = [pl.col(name) for name in FLAGS]
    return pl.any_horizontal(pl.col("kind").is_in(list(KINDS)), pl.col("ack_kind").is_in(list(ACKS)), *flags)


def evidence_text(row: dict[str, Any]) -> str:
    """What a row of ``retransmissions`` rests on."""
    said = []
    if row["last_frame"] is not None:
        said.append(f"last sent in frame {row['last_frame']}")
    if row["waited_ns"] is not None:
        said.append(f"waited {format_duration(row['waited_ns'])}, RTO {format_duration(row['rto_ns'])}")
    if row["duplicate_acks"]:
        said.append(counted(row["duplicate_acks"], "duplicate ACK"))
    if row["sacked_segments"]:
        said.append(f"{counted(row['sacked_segments'], 'segment')} above it reported")
    if row["sent_after_arrived"]:
        said.append("something sent after it had arrived")
    return "; ".join([*said, f"its sender was in {row['ca_state']}"])


def comment(row: dict[str, Any], evidence: str) -> str:
    """The comment of one noteworthy packet: verdict, evidence, and whether it was needless."""
    said = [KINDS[row["kind"]]] if row["kind"] in KINDS else []
    said += [evidence] if evidence else []
    if row["spurious"]:
        proof = SPURIOUS.get(row["spurious_by"])
        said.append(f"spurious: {proof}" if proof else "spurious")
    said += [text for name, text in FLAGS.items() if row[name]]
    said += [ACKS[row["ack_kind"]]] if row["ack_kind"] in ACKS else []
    return "netemu: " + "; ".join(said)


def comments_of(packets: pl.DataFrame, retransmissions: pl.DataFrame) -> dict[int, str]:
    """Frame number -> comment, of the packets of one file that have one."""
    evidence = {row["frame"]: evidence_text(row) for row in retransmissions.iter_rows(named=True)}
    rows = packets.filter(noteworthy()).iter_rows(named=True)
    return {row["frame"]: comment(row, evidence.get(row["frame"], "")) for row in rows}


def icmp_comments(icmp: pl.DataFrame) -> dict[int, str]:
    """Frame number -> comment, of the ICMP errors of one file."""
    found = {}
    for row in icmp.iter_rows(named=True):
        text = f"ICMP {row['kind'].replace('_', ' ')}"
        if row["mtu_bytes"] is not None:
            text += f", MTU {row['mtu_bytes']}"
        if row["connection"] >= 0:
            text += f", quotes connection {row['connection']} {'a_to_b' if row['direction'] == 0 else 'b_to_a'}"
        found[row["frame"]] = f"netemu: {text}"
    return found
