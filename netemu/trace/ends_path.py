"""Which connections of several captures are one, how their sequence numbers meet, and in which order a packet passes.

Addresses and ports are the same in all captures, or both initial sequence numbers are (:mod:`.translated`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from netemu.trace.translated import translated

_WRAP = 1 << 32


def candidates(connections: pl.DataFrame) -> pl.DataFrame:
    """Connections that are in more than one capture: capture, connection, client, server, start_ns, ends, turned.

    ``ends`` names both of them, the first one ``turned`` if that is the server; of what was translated on the way as
    the first capture by name has them.
    """
    low, high = pl.min_horizontal("client", "server"), pl.max_horizontal("client", "server")
    named = connections.select(
        *("capture", "connection", "client", "server", "start_ns"),
        ends=pl.concat_str(low, high, separator=" "),
        turned=pl.col("client") > pl.col("server"),
    )
    keys = ["capture", "connection"]
    changed = translated(connections).join(named.select(*keys, "ends", "turned"), on=keys, maintain_order="left")
    first = changed.select(*keys, pl.col("ends", "turned").first().over("a_isn", "b_isn").name.suffix("_first"))
    named = named.join(first, on=keys, how="left", maintain_order="left").select(
        *named.columns[:-2], *(pl.coalesce(f"{name}_first", name).alias(name) for name in ("ends", "turned"))
    )
    return named.filter(pl.col("capture").n_unique().over("ends") > 1)


def first_packets(packets: pl.LazyFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """What the first packet of each direction says: base of its sequence numbers, TTL; whether its SYN was captured."""
    return (
        packets.filter(pl.col("protocol") == 6, pl.col("connection") >= 0)
        .join(wanted.lazy().select("capture", "connection"), on=["capture", "connection"], how="semi")
        .group_by("capture", "connection", "direction")
        .agg(
            base=((pl.col("seq").cast(pl.Int64) - pl.col("seq_offset_bytes")).sort_by("frame").first()) % _WRAP,
            opened=((pl.col("flags") & 2) != 0).any(),
            ttl=pl.col("ttl").sort_by("frame").first(),
            first_ns=pl.col("t_ns").min(),
            reach=pl.col("seq_offset_bytes").max(),
        )
        .collect()
    )


def _joint_numbers(wanted: pl.DataFrame, firsts: pl.DataFrame) -> dict[tuple[str, int], int]:
    """(capture, connection) -> number of the joint connection.

    Where ports were used again, connections with an equal base of sequence numbers are one; else the only one left.
    """
    bases: dict[tuple[str, int], set[tuple[bool, int]]] = {}
    for capture, connection, direction, base in firsts.select("capture", "connection", "direction", "base").iter_rows():
        bases.setdefault((capture, connection), set()).add((direction, base))
    numbers: dict[tuple[str, int], int] = {}
    count = 0
    for _, group in wanted.sort("ends", "capture", "start_ns").group_by("ends", maintain_order=True):
        rows = list(group.select("capture", "connection", "turned").iter_rows())
        per_capture = {capture: sum(row[0] == capture for row in rows) for capture, *_ in rows}
        alone = max(per_capture.values()) == 1
        known: dict[tuple[bool, int], int] = {}
        for capture, connection, turned in rows:
            marks = {(bool(way) != turned, base) for way, base in bases.get((capture, connection), ())}
            number = count if alone else next((known[mark] for mark in sorted(marks) if mark in known), None)
            if number is None:
                number = count = count + 1
            known.update(dict.fromkeys(marks, number))
            numbers[capture, connection] = number
        count += 1
    return numbers


def joined(packets: pl.LazyFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """One row per capture, connection and direction that several captures hold.

    ``joint`` numbers the connection across captures; ``way`` is 0 from the first end of ``ends``; ``place``
    numbers the capture. ``seq_shift`` added to a sequence offset gives that of the joint's first capture, ``ack_base``
    taken from an ACK number (modulo 2**32) what is equal in all captures.
    """
    firsts = first_packets(packets, wanted)
    numbers = _joint_numbers(wanted, firsts)
    places = {name: place for place, name in enumerate(sorted(wanted["capture"].unique().to_list()))}
    keyed = wanted.with_columns(
        joint=pl.Series([numbers[key] for key in wanted.select("capture", "connection").iter_rows()], dtype=pl.Int64),
        place=pl.col("capture").replace_strict(places, return_dtype=pl.Int64),
    )
    rows = firsts.join(keyed, on=["capture", "connection"]).filter(pl.col("place").n_unique().over("joint") > 1)
    forward = pl.col("direction") == 0
    rows = rows.with_columns(
        way=(pl.col("turned") == forward).cast(pl.Int8),
        source=pl.when(forward).then("client").otherwise("server"),
        destination=pl.when(forward).then("server").otherwise("client"),
    ).sort("joint", "way", "place")
    return _with_ack_base(_with_seq_shift(packets, rows))


def _with_seq_shift(packets: pl.LazyFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Offsets count from a SYN that both captures hold; else the numbers themselves are taken to be the same."""
    apart = (pl.col("base") - pl.col("base").first().over("joint", "way") + _WRAP // 2) % _WRAP - _WRAP // 2
    both = pl.col("opened") & pl.col("opened").first().over("joint", "way")
    rows = rows.with_columns(seq_shift=pl.when(both).then(0).otherwise(apart))
    late = rows.filter(~both & (pl.col("reach").max().over("joint", "way") > _WRAP // 2))
    if late.is_empty():
        return rows
    wraps = [_wraps_before(packets, rows, row) for row in late.iter_rows(named=True)]
    found = late.select("joint", "way", "place", wraps=pl.Series(wraps, dtype=pl.Int64))
    rows = rows.join(found, on=["joint", "way", "place"], how="left", maintain_order="left")
    return rows.with_columns(pl.col("seq_shift") + pl.col("wraps").fill_null(0) * _WRAP).drop("wraps")


def _wraps_before(packets: pl.LazyFrame, rows: pl.DataFrame, row: dict[str, Any]) -> int:
    """How often sequence numbers had wrapped before a capture began, by where the first capture was at that time."""
    first = rows.filter(pl.col("joint") == row["joint"], pl.col("way") == row["way"]).row(0, named=True)
    if first["place"] == row["place"]:
        return 0
    same = [pl.col(name) == first[name] for name in ("capture", "connection", "direction")]
    before = packets.filter(*same, pl.col("t_ns") <= row["first_ns"]).select(pl.col("seq_offset_bytes").max())
    reached: int = before.collect().item() or 0
    apart: int = reached - row["seq_shift"]
    return round(apart / _WRAP)


def _with_ack_base(rows: pl.DataFrame) -> pl.DataFrame:
    """The other direction's base; 0, the number as sent, where one of the captures does not hold that direction."""
    keys = ["joint", "place"]
    other = rows.select(*keys, way=1 - pl.col("way"), ack_base=(pl.col("base") - pl.col("seq_shift")) % _WRAP)
    rows = rows.join(other, on=[*keys, "way"], how="left", maintain_order="left")
    known = pl.col("ack_base").is_not_null().all().over("joint", "way")
    return rows.with_columns(ack_base=pl.when(known).then("ack_base").otherwise(0))
