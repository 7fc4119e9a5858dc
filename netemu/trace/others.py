"""A list of the packets that are no whole TCP segments, with what observers of them need; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import other_at


@compiled
def note_other(st: Any, p: Any) -> None:
    """Add ``p`` to the list. It has room: it holds as many rows as a chunk of packets."""
    if p.malformed:
        return
    row = other_at(st.others, st.other_count)
    st.other_count += 1
    row.capture, row.frame, row.t_ns = p.capture, p.frame, p.t_ns
    row.version, row.protocol = p.ip_version, p.protocol
    row.src_hi, row.src_lo, row.dst_hi, row.dst_lo = p.src_hi, p.src_lo, p.dst_hi, p.dst_lo
    row.sport, row.dport, row.ip_bytes, row.header_bytes = p.sport, p.dport, p.ip_bytes, p.header_bytes
    row.payload, row.dont_fragment, row.fragment = p.payload, p.dont_fragment, p.fragment
    row.ip_id, row.fragment_offset, row.more_fragments = p.ip_id, p.fragment_offset, p.more_fragments
    row.icmp_type, row.icmp_code = p.icmp_type, p.icmp_code
    row.words_read, row.word_0, row.word_1, row.word_2 = p.words_read, p.word_0, p.word_1, p.word_2
