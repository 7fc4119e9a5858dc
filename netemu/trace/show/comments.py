"""What a packet's columns say, as one line for a person who reads the capture packet by packet."""

from __future__ import annotations

from typing import Any

import polars as pl

KINDS = {
    "timeout": "retransmission: the retransmission timer had fired",
    "fast": "fast retransmission: the receiver's reports (duplicate ACKs, SACK, RACK) or a router's",
    "tail_loss_probe": "retransmission: tail loss probe, before the retransmission timer",
    "syn": "retransmission of the SYN",
    "syn_ack": "retransmission of the SYN-ACK",
    "fin": "retransmission of the FIN",
    "window_probe": "probe of a zero window",
    "keepalive": "keepalive probe",
}
FLAGS = {
    "spurious": "spurious: these bytes had arrived",
    "out_of_order": "out of order: sent before a packet seen earlier",
    "network_duplicate": "copy made by the network",
    "duplicate_ack": "duplicate ACK",
    "dsack": "reports a duplicate (D-SACK)",
}
_DULL_ACKS = ("", "none", "ack", "new", "data", "delayed", "every_second", "immediate", "handshake")
FIELDS = frozenset(
    {
        *(
            "capture",
            "frame",
            "t_ns",
            "connection",
            "direction",
            "ip_version",
            "protocol",
            "ip_bytes",
            "ip_id",
            "ttl",
            "ecn",
        ),
        *("dont_fragment", "fragment", "flags", "seq", "ack", "seq_offset_bytes", "ack_offset_bytes", "payload_bytes"),
        *("window_bytes", "ts_val", "ts_ecr", "sack_blocks", "kind", "ack_kind", "flight_bytes"),
    }
)
"""Columns of ``packets`` that a reader of packets sees anyway; what is neither these nor a flag is evidence."""
_EMPTY = (None, "", -1, False, "none")
_RST_SYN = 2 | 4


def noteworthy(columns: list[str]) -> pl.Expr:
    """Packets that get a comment: every one with a verdict beside plain data and plain ACKs."""
    parts = [pl.col("kind").is_in(list(KINDS)), _zero_window()]
    parts += [pl.col(name) for name in FLAGS if name in columns]
    if "ack_kind" in columns:
        parts.append(~pl.col("ack_kind").fill_null("").is_in(_DULL_ACKS))
    return pl.any_horizontal(parts)


def _zero_window() -> pl.Expr:
    return (pl.col("connection") >= 0) & (pl.col("window_bytes") == 0) & ((pl.col("flags") & _RST_SYN) == 0)


def evidence_columns(columns: list[str]) -> list[str]:
    """Columns of ``packets`` that say why a verdict was given: those that are neither fields nor flags."""
    return [name for name in columns if name not in FIELDS and name not in FLAGS]


def comment(row: dict[str, Any], evidence: list[str]) -> str:
    """The comment of one noteworthy packet."""
    said = [KINDS[row["kind"]]] if row["kind"] in KINDS else []
    said += [text for name, text in FLAGS.items() if row.get(name)]
    kind = row.get("ack_kind")
    if kind not in (None, *_DULL_ACKS) and not (kind == "duplicate" and row.get("duplicate_ack")):
        said.append(f"{str(kind).replace('_', ' ')} ACK")
    if row["window_bytes"] == 0 and row["connection"] >= 0 and not row["flags"] & _RST_SYN:
        said.append("zero window")
    said += [f"{name} {row[name]}" for name in evidence if row[name] not in _EMPTY]
    return "netemu: " + "; ".join(said)


def comments_of(packets: pl.DataFrame) -> dict[int, str]:
    """Frame number -> comment, of the packets of one file that have one."""
    evidence = evidence_columns(packets.columns)
    rows = packets.filter(noteworthy(packets.columns))
    return {row["frame"]: comment(row, evidence) for row in rows.iter_rows(named=True)}


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
