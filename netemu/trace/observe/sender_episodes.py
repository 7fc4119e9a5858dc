"""The table ``episodes``: rows of ``sender`` of one phase that follow each other, as one."""

from __future__ import annotations

import polars as pl

from netemu.recording.kinds import SENDER_LIMITS
from netemu.recording.sender_tables import EPISODES
from netemu.trace.tables import POLARS_TYPES, polars_schema

_FLOW = ("capture", "connection", "direction")
_ACCOUNTS = tuple(f"{limit}_limited_ns" for limit in SENDER_LIMITS if limit != "none")


def episodes(sender: pl.DataFrame) -> pl.DataFrame:
    """Episodes of every flow in ``sender``, in its order; a flow's episodes cover its time without a gap."""
    schema = polars_schema(EPISODES)
    if sender.is_empty():
        return pl.DataFrame(schema=schema)
    flow = pl.struct(_FLOW)
    begins = (flow != flow.shift()).fill_null(True)
    rows = sender.with_columns(
        begins=begins,
        start_flight=pl.when(begins).then(0).otherwise(pl.col("flight_bytes").shift()),
        before=pl.when(~begins).then(pl.col("phase").shift()),
        number=(begins | (pl.col("phase") != pl.col("phase").shift())).cum_sum(),
        **{name: pl.when(begins).then(pl.col(name)).otherwise(pl.col(name).diff()) for name in _ACCOUNTS},
    )
    grouped = rows.group_by("number", maintain_order=True).agg(
        *(pl.first(name) for name in (*_FLOW, "phase")),
        before=pl.first("before"),
        ca_state=pl.last("ca_state"),
        start_ns=pl.first("start_ns"),
        end_ns=pl.last("t_ns"),
        rounds=pl.len().cast(pl.Int32),
        start_flight_bytes=pl.first("start_flight"),
        end_flight_bytes=pl.last("flight_bytes"),
        max_flight_bytes=pl.max("max_flight_bytes"),
        end_cwnd_estimated_bytes=pl.col("cwnd_estimated_bytes").drop_nulls().last(),
        sent_segments=pl.sum("sent_segments"),
        retransmitted_segments=pl.sum("retransmitted_segments"),
        acked_bytes=pl.sum("acked_bytes"),
        limited=pl.col("limited_by").is_not_null().any(),
        **{name: pl.sum(name) for name in _ACCOUNTS},
    )
    named = grouped.with_columns(reason=_reason(), limited_by=_dominant())
    return named.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _reason() -> pl.Expr:
    """What began an episode, from its phase and the one before it."""
    phase, before = pl.col("phase").cast(pl.String), pl.col("before").cast(pl.String)
    reason = (
        pl.when(phase == "loss")
        .then(pl.lit("timeout"))
        .when((phase == "recovery") & (pl.col("ca_state").cast(pl.String) == "CWR"))
        .then(pl.lit("ecn"))
        .when(phase == "recovery")
        .then(pl.lit("retransmission"))
        .when(phase == "idle")
        .then(pl.lit("silence"))
        .when(before.is_null())
        .then(pl.lit("start"))
        .when(before.is_in(["recovery", "loss"]))
        .then(pl.lit("recovered"))
        .when((before == "slow_start") & (phase == "congestion_avoidance"))
        .then(pl.lit("growth"))
        .otherwise(pl.lit("limit"))
    )
    return reason.cast(POLARS_TYPES["episode_reason"])


def _dominant() -> pl.Expr:
    """The limit with most of the episode's time; null where none can be told, ``none`` where none took any."""
    most = pl.max_horizontal(*_ACCOUNTS)
    found = pl.coalesce(
        pl.when((pl.col(name) == most) & (most > 0)).then(pl.lit(name.removesuffix("_limited_ns")))
        for name in _ACCOUNTS
    )
    return pl.when(pl.col("limited")).then(found.fill_null("none")).cast(POLARS_TYPES["sender_limit"])
