"""Reordering on the way, as RFC 4737 measures it; compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import entry_of_arrays


@entry_of_arrays
def reordering(flow: Any, sent_order: Any, arrival_ns: Any, extent: Any, late_ns: Any) -> None:
    """Fill ``extent`` and ``late_ns`` of arrivals, given by flow and in order of arrival within it, no copies.

    A packet is reordered when one sent later has arrived (section 3.3). Its extent is how many arrivals lie between
    it and the earliest of those (section 4.2.2), ``late_ns`` how long ago that was (section 4.2.3); 0 for others.
    """
    highest = np.empty(flow.size, np.int64)  # the arrivals that were ahead of all before them, by place
    begin = 0
    while begin < flow.size:
        end = begin
        while end < flow.size and flow[end] == flow[begin]:
            end += 1
        count = 0
        for i in range(begin, end):
            if count == 0 or sent_order[i] > sent_order[highest[count - 1]]:
                highest[count] = i
                count += 1
                extent[i] = late_ns[i] = 0
                continue
            low, high = 0, count - 1
            while low < high:
                middle = (low + high) // 2
                if sent_order[highest[middle]] > sent_order[i]:
                    high = middle
                else:
                    low = middle + 1
            j = highest[low]
            extent[i], late_ns[i] = i - j, arrival_ns[i] - arrival_ns[j]
        begin = end
