"""What is told of paths, windows, datagrams and fragments; :mod:`netemu.recording.tables` has all the schemas."""

from __future__ import annotations

Schema = dict[str, tuple[str, str]]

PATH_MTU: Schema = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "direction of the data whose path it is"),
    "t_ns": ("i64", "when it shows: arrival of the report, ACK of the probe, first segment of the new size"),
    "frame": ("u32", "the packet that shows it"),
    "cause": ("path_mtu_cause", "why there is a row"),
    "mtu_before_bytes": ("i64", "what held before; null in the first row of a direction"),
    "mtu_bytes": ("i64", "what the sender goes by from here on: the size of its largest IP packets"),
    "probe_bytes": ("i64", "size of the probe; null where there was none"),
    "proven_ns": ("i64", "when a packet of mtu_bytes with DF, sent since, was first acknowledged; null when none"),
    "timeouts": ("i64", "timeouts of full segments before, without progress; null where there was none"),
    "since_ns": ("i64", "when what led to it began: the probe's sending, the last progress; null otherwise"),
    "router": ("str", "address of the router that reported; null where none did"),
}

WINDOWS: Schema = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "of the packets that advertise the window; of the data for sender_idle"),
    "kind": ("window_kind", "what happened"),
    "t_ns": ("i64", "when it began"),
    "frame": ("u32", "the packet that began it"),
    "end_ns": ("i64", "when it ended; null when it did not"),
    "end_frame": ("u32", "the packet that ended it; null when none did"),
    "ended_by": ("window_end", "how a zero window ended; null when it did not, and for other kinds"),
    "before_bytes": ("i64", "window before: growth, shrunk, zero_window; null otherwise"),
    "after_bytes": ("i64", "window after: growth, zero_window that ended; null otherwise"),
    "moved_bytes": ("i64", "shrunk: how far the edge was back at most; silly: sum of the advances; null otherwise"),
    "count": (
        "i64",
        "zero_window: probes; shrunk, silly: advertisements; sender_idle: how often; scale_inferred: the shift",
    ),
    "total_ns": ("i64", "how long it lasted, sender_idle: in sum; null when it did not end"),
    "caused_by": ("stall_cause", "zero_window, sender_idle: whose application; null otherwise"),
}

DATAGRAMS: Schema = {
    "capture": ("str", "as in packets"),
    "source": ("str", "ip:port, IPv6 in brackets"),
    "destination": ("str", "ip:port"),
    "packets": ("i64", "datagrams; of a fragmented one the first fragment"),
    "payload_bytes": ("i64", "UDP payload, of fragmented ones too"),
    "ip_bytes": ("i64", "IP packets; of fragmented ones the first fragment"),
    "first_ns": ("i64", "t_ns of the first"),
    "last_ns": ("i64", "t_ns of the last"),
    "rate_bps": ("f64", "payload bits without the first datagram's over the time from first to last; null when < 2"),
    "min_gap_ns": ("i64", "shortest time between two arrivals; null when < 2"),
    "mean_gap_ns": ("i64", "mean of them; null when < 2"),
    "max_gap_ns": ("i64", "longest of them; null when < 2"),
    "max_gap_at_ns": ("i64", "when the longest began; null when < 2"),
    "numbered": ("i64", "datagrams of netemu's own agents (docs/agents.md); the columns below are null when 0"),
    "first_number": ("i64", "smallest sequence number seen; agents begin with 0"),
    "last_number": ("i64", "largest sequence number seen"),
    "lost": ("i64", "numbers between the two that never came; what was lost at the end is not known here"),
    "duplicates": ("i64", "datagrams whose number had come before, up to 4096 numbers back"),
    "reordered": ("i64", "datagrams below the next expected number (RFC 4737 section 3.3), duplicates left out"),
    "latest_by": ("i64", "how many numbers the most overtaken one was behind the highest"),
    "gaps": ("i64", "times that numbers were skipped, whether they came later or not"),
    "longest_gap_packets": ("i64", "most numbers skipped at once"),
    "longest_gap_ns": ("i64", "time between the arrivals around them"),
    "longest_gap_at_ns": ("i64", "when it began"),
    "min_delay_ns": (
        "i64",
        "least one-way delay, capture minus send time; null unless the capture has the run's clock",
    ),
    "mean_delay_ns": ("i64", "mean one-way delay, as above"),
    "max_delay_ns": ("i64", "largest one-way delay, as above"),
    "jitter_ns": ("i64", "interarrival jitter at the end (RFC 3550 section 6.4.1), as above"),
}

DATAGRAM_GAPS: Schema = {
    "capture": ("str", "as in packets"),
    "source": ("str", "ip:port, as in datagrams"),
    "destination": ("str", "ip:port, as in datagrams"),
    "start_ns": ("i64", "when the last datagram before it came"),
    "end_ns": ("i64", "when the one came that showed it, with a number beyond those missing"),
    "first_number": ("i64", "the first number skipped"),
    "missing": ("i64", "numbers skipped then"),
    "late": ("i64", "of these that came later, so that they were reordered; of the 256 latest gaps of a flow"),
    "lost": ("i64", "of these that never came"),
    "filled_ns": ("i64", "when the last of the late ones came; null when none did"),
}

RATE_INTERVAL_NS = 100_000_000
"""The intervals of the table ``rates``; they count from time 0 of the packets."""

RATES: Schema = {
    "capture": ("str", "as in packets"),
    "source": ("str", "ip:port of UDP; of ICMP the address"),
    "destination": ("str", "as source"),
    "protocol": ("u8", "IP protocol number: 17 UDP, 1 ICMP, 58 ICMPv6"),
    "type": ("u8", "ICMP type; null for UDP"),
    "code": ("u8", "ICMP code; null for UDP"),
    "t_ns": ("i64", "begin of the interval, a multiple of 100 ms; intervals without a packet have no row"),
    "packets": ("i64", "packets in these 100 ms; of a fragmented one the first fragment"),
    "payload_bytes": ("i64", "UDP payload, of fragmented ones too; null for ICMP"),
    "ip_bytes": ("i64", "IP packets; of fragmented ones the first fragment"),
    "rate_bps": ("f64", "bits a second in these 100 ms: of UDP the payload's, of ICMP the IP packets'"),
}

ICMP_MESSAGES: Schema = {
    "capture": ("str", "as in packets"),
    "source": ("str", "address"),
    "destination": ("str", "address"),
    "ip_version": ("u8", "4 or 6"),
    "type": ("u8", "ICMP or ICMPv6 type"),
    "code": ("u8", "its code"),
    "packets": ("i64", "messages"),
    "ip_bytes": ("i64", "IP packets"),
    "first_ns": ("i64", "t_ns of the first"),
    "last_ns": ("i64", "t_ns of the last"),
    "min_gap_ns": ("i64", "shortest time between two; null when < 2"),
    "most_in_second": ("i64", "most in one second, counted from the first and anew after each; shows rate limits"),
    "answered": ("i64", "echo requests: how many a reply came for; null for other types"),
    "lost": ("i64", "echo requests without a reply in the capture; null for other types"),
    "min_rtt_ns": ("i64", "least time from echo request to reply; null when none was answered"),
    "mean_rtt_ns": ("i64", "mean of them"),
    "max_rtt_ns": ("i64", "largest of them"),
}

FRAGMENTS: Schema = {
    "capture": ("str", "as in packets"),
    "source": ("str", "address"),
    "destination": ("str", "address"),
    "protocol": ("u8", "IP protocol number of what was fragmented"),
    "packets": ("i64", "fragmented IP packets"),
    "fragments": ("i64", "their fragments"),
    "ip_bytes": ("i64", "bytes of all fragments with their headers"),
    "extra_header_bytes": ("i64", "headers beyond one for each packet: what fragmentation added"),
    "complete": ("i64", "packets of which every fragment came"),
    "incomplete": ("i64", "packets of which some fragment did not come within 30 s (net.ipv4.ipfrag_time)"),
    "incomplete_bytes": ("i64", "bytes that came of those, for nothing"),
    "duplicates": ("i64", "fragments that brought nothing new"),
    "largest_bytes": ("i64", "largest fragment"),
    "first_ns": ("i64", "t_ns of the first fragment"),
    "last_ns": ("i64", "t_ns of the last"),
}
