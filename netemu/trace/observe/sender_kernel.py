"""The estimates of ``sender`` beside what the sender's kernel said: tcp_probe events and samples of TCP_INFO.

Nothing here changes an estimate; it is how they are judged (``python -m tests.bench.bench_sender``).
"""

from __future__ import annotations

import polars as pl

_FLOW = ("capture", "connection", "direction")
_NEAR_NS = 100_000_000
"""The farthest in time that a value of the kernel is taken for a row's."""


def beside_kernel(
    sender: pl.DataFrame, connections: pl.DataFrame, sockets: pl.DataFrame, trace: pl.DataFrame | None
) -> pl.DataFrame:
    """Rows of ``sender`` with the kernel's values at that time, for every flow whose socket was sampled.

    ``kernel_cwnd_bytes`` is of the tcp_probe event nearest ``cwnd_estimated_ns`` where there is a ``trace``, else of
    the sample nearest it, in segments times ``snd_mss_bytes``; the other ``kernel_*`` are of the sample before
    ``t_ns`` (tcp_probe's ssthresh is tcp_current_ssthresh(), which follows cwnd). Null where the kernel said nothing
    at that time. A row is kept only where something is told of limits: elsewhere the capture is far from the sender.
    """
    near = sender.filter(pl.col("cwnd_limited_ns").is_not_null())
    client, server = pl.col("client"), pl.col("server")
    first = pl.col("direction") == 0
    ends = connections.select("capture", "connection", "client", "server")
    rows = near.join(ends, on=["capture", "connection"], maintain_order="left").with_columns(
        local=pl.when(first).then(client).otherwise(server), remote=pl.when(first).then(server).otherwise(client)
    )
    samples = _samples(sockets)
    sampled = samples.select("local", "remote").unique()
    rows = rows.join(sampled, on=["local", "remote"], how="semi").drop("client", "server").sort("t_ns")
    rows = rows.join_asof(samples, on="t_ns", by=["local", "remote"], strategy="backward", check_sortedness=False)
    rows = _with_windows(rows, samples, trace)
    return rows.sort(*_FLOW, "t_ns").drop("local", "remote", "kernel_mss_bytes")


def _samples(sockets: pl.DataFrame) -> pl.DataFrame:
    """What TCP_INFO says of the sockets that have sent data, under the names of this comparison."""
    return (
        sockets.filter(pl.col("busy_ns").is_not_null(), pl.col("state") != "SYN_SENT")
        .select(
            "t_ns",
            "local",
            "remote",
            kernel_ca_state="ca_state",
            kernel_srtt_ns="srtt_ns",
            kernel_rto_ns="rto_ns",
            kernel_mss_bytes="snd_mss_bytes",
            kernel_busy_ns="busy_ns",
            kernel_rwnd_limited_ns="rwnd_limited_ns",
            kernel_sndbuf_limited_ns="sndbuf_limited_ns",
            kernel_ssthresh_bytes=pl.col("snd_ssthresh_segments") * pl.col("snd_mss_bytes"),
            sample_cwnd_segments="snd_cwnd_segments",
        )
        .sort("t_ns")
    )


def _with_windows(rows: pl.DataFrame, samples: pl.DataFrame, trace: pl.DataFrame | None) -> pl.DataFrame:
    """The congestion window at the time of each estimate; tcp_probe sees it before the kernel takes the ACK in."""
    at = rows.with_columns(seen_ns=pl.coalesce("cwnd_estimated_ns", "t_ns")).drop("sample_cwnd_segments")
    if trace is not None and {"event", "snd_cwnd"} <= set(trace.columns):
        seen, cwnd = trace.filter(pl.col("event") == "tcp_probe"), "snd_cwnd"
    else:
        seen, cwnd = samples, "sample_cwnd_segments"
    joined = at.sort("seen_ns").join_asof(
        seen.select("local", "remote", seen_ns="t_ns", segments=pl.col(cwnd).cast(pl.Int64)).sort("seen_ns"),
        on="seen_ns",
        by=["local", "remote"],
        strategy="nearest",
        tolerance=_NEAR_NS,
        check_sortedness=False,
    )
    return joined.with_columns(kernel_cwnd_bytes=pl.col("segments") * pl.col("kernel_mss_bytes")).drop(
        "seen_ns", "segments"
    )


def agreement(rows: pl.DataFrame) -> pl.DataFrame:
    """How close the estimates of :func:`beside_kernel` are, one row per flow.

    - ``cwnd_rows``, ``cwnd_error``: rows with both windows, and the median of \\|estimated - kernel\\| / kernel;
      ``cwnd_error_90`` is the 90th percentile; likewise ``ssthresh_*``, ``srtt_*`` and ``rto_*``,
    - ``ca_state_equal``: share of time in which the congestion state is the kernel's, Disorder and CWR taken for Open,
    - ``busy_agrees``, ``rwnd_agrees``, ``sndbuf_agrees``: 1 less the share of time in which one account runs and the
      other does not, from the differences of both over each row.
    """
    figures = []
    for name in ("cwnd", "ssthresh", "srtt", "rto"):
        unit = "ns" if name in ("srtt", "rto") else "bytes"
        estimated = pl.col("srtt_ns" if name == "srtt" else f"{name}_estimated_{unit}")
        kernel = pl.col(f"kernel_{name}_{unit}")
        error = pl.when(kernel > 0).then((estimated - kernel).abs() / kernel)
        figures += [
            error.count().alias(f"{name}_rows"),
            error.median().alias(f"{name}_error"),
            error.quantile(0.9).alias(f"{name}_error_90"),
        ]
    span = pl.col("t_ns") - pl.col("start_ns")
    ours, theirs = (_plain(pl.col(name)) for name in ("ca_state", "kernel_ca_state"))
    equal = (span * (ours == theirs)).sum() / span.filter(theirs.is_not_null()).sum()
    accounts = {
        f"{name}_agrees": _account(column, f"kernel_{column}", span)
        for name, column in (("busy", "busy_ns"), ("rwnd", "rwnd_limited_ns"), ("sndbuf", "sndbuf_limited_ns"))
    }
    return rows.group_by(_FLOW, maintain_order=True).agg(*figures, ca_state_equal=equal, **accounts)


def _plain(state: pl.Expr) -> pl.Expr:
    """Disorder and CWR are not rebuilt by the estimates: Open to them."""
    text = state.cast(pl.String)
    return pl.when(text.is_in(["Disorder", "CWR"])).then(pl.lit("Open")).otherwise(text)


def _account(estimated: str, kernel: str, span: pl.Expr) -> pl.Expr:
    apart = (pl.col(estimated).diff() - pl.col(kernel).diff()).abs()
    return 1 - apart.sum() / span.filter(apart.is_not_null()).sum()
