"""Analysis: captures -> packets, connections, retransmissions by cause, RTT, windows, path MTU.

::

    file --> source --> records --> link, network, transport layer --> connect --> sender, acks --> columns
             (bytes)   (pcap, pcapng)      (one scratch packet)        (whose?)    (verdicts)        |
                                                          tables <-- engine (chunks of 131,072) <----+

``analyze(paths)`` reads any pcap or pcapng and knows nothing of how it was made; ``recording.write_tables`` turns what
a run left into its tables. The loop over packets is compiled (Numba) and its machine code kept; docs/analysis.md
explains every rule and its source.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netemu.trace.analysis import analyze
    from netemu.trace.show.result import Analysis

__all__ = ["Analysis", "analyze"]


def __getattr__(name: str) -> Any:
    """Load the analysis (Numba, Polars: half a second) at the first use of a public name."""
    if name in __all__:
        return getattr(importlib.import_module("netemu.trace.analysis"), name)
    raise AttributeError(f"module 'netemu.trace' has no attribute {name!r}")
