"""``python -m netemu.recording.describe``: docs/tables.md, made from the schemas so that it cannot be out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from netemu.recording import tables
from netemu.recording.kinds import TCP_OPTIONS
from netemu.recording.tables import ENUMS, TABLES, Schema

DOCUMENT = Path(__file__).parents[2] / "docs" / "tables.md"

ABOUT = {
    "packets": "One row per packet of each capture, in the order of the file.",
    "connections": "One row per TCP connection of each capture; a is the client, b the server.",
    "rtt": "One row per round trip sample.",
    "sacks": "One row per SACK block.",
    "icmp": "One row per ICMP or ICMPv6 error.",
    "retransmissions": "One row per retransmission, with the evidence that its class rests on.",
    "sockets": "One row per socket and sample, from the kernel by sock_diag.",
    "wires": "One row per packet and wire: what the wire did with it and why, the ground truth of a run.",
    "calls": "One row per system call of an agent.",
    "counters": "One row per host and kernel counter.",
    "transits": "One row per packet that one of two captures saw sent, and per arrival that nothing sent.",
    "sends": "One row per send() that took payload: its bytes from the call to the acknowledgement.",
    "trace": (
        "One row per event of the kernel's tracepoints. Columns vary: beside these, every field that any event of the"
        " run has is a column of the kernel's name."
    ),
    "clocks": "One row per pair of captures that packets passed between: the clock of one against the other's.",
    "windows": "One row per step or episode of a direction's advertised window, and one for its idle sender.",
    "datagrams": "One row per UDP flow: source and destination.",
    "datagram_gaps": "One row per run of numbers that a flow of netemu's own datagrams skipped, lost or overtaken.",
    "rates": "One row per 100 ms and UDP flow, or ICMP type and code from one address to another.",
    "icmp_messages": "One row per ICMP type and code from one address to another; `icmp` has each error by itself.",
    "fragments": "One row per protocol from one address to another that was sent in IP fragments.",
    "path_mtu": "One row per step of a direction's path MTU, per probe and black hole; none without payload.",
    "sender": "One row per round trip of each sender, and where its state changes.",
    "episodes": "One row per episode of a sender: rows of `sender` of one phase in a row.",
}

HEADER = """\
# Tables

Made from `netemu/recording/tables.py` and `kinds.py` by `python -m netemu.recording.describe`; change them there.

A run's tables lie in `tables/<name>.parquet`. Any Parquet reader opens them; with Polars:
`polars.read_parquet("tables/packets.parquet")`. A missing value is null unless the column says otherwise.

"""


def section(name: str, schema: Schema) -> str:
    """The part of the document about one table."""
    rows = [f"| `{column}` | {kind} | {_cell(meaning)} |" for column, (kind, meaning) in schema.items()]
    return "\n".join(
        [f"## {name}", "", ABOUT[name], "", "| column | type | meaning |", "| --- | --- | --- |", *rows, ""]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def closed_lists() -> str:
    """The types that are closed lists of names."""
    rows = [f"| {kind} | {', '.join(f'`{name}`' for name in names)} |" for kind, names in ENUMS.items()]
    return "\n".join(["| type | its values |", "| --- | --- |", *rows])


def document() -> str:
    """The whole text of docs/tables.md."""
    conventions = (tables.__doc__ or "").partition("\n\n")[2].strip().replace("``", "`")
    values = ", ".join(f"`{name}` {value}" for name, value in TCP_OPTIONS.items())
    options = f"The values that `tcp_options` is a sum of: {values}."
    parts = [conventions, closed_lists(), options, *(section(name, schema) for name, schema in TABLES.items())]
    return HEADER + "\n\n".join(parts)


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
