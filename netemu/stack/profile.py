"""An era of Linux TCP as data: what differs between kernels, each difference with its version and source.

Profiles are values of one class, and the code asks fields by name; nothing asks for a version. The defaults are those
of ``linux-7``; :mod:`netemu.stack.eras` has every other era's value of each field, and where it was read. One's own
profile is a :class:`Profile`, or a table such as ``{"name": "mine", "base": "linux-6", "hz": 1000}``, named in the
entry-point group ``netemu.profiles``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from netemu.errors import BadInput
from netemu.recording.account import UNJUDGED
from netemu.stack import plug_ins
from netemu.stack.sysctl import Sysctl

GROUP, STACKS = "netemu.profiles", "netemu.stacks"

BBR_PHASES = 7
"""Phases in which ProbeBW may begin, by number of the draw (net/ipv4/tcp_bbr.c, bbr_cycle_rand)."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel era. ``judged_by``: the real kernels that agree with it packet by packet; empty: 'unjudged'.

    ``stack``: by whose hosts it runs, where those are not netemu's. ``sysctl``: defaults by the names of
    :class:`~netemu.stack.sysctl.Sysctl`, where they are not that class's own; ``sysctls_lacking``: those it has not.
    Every further field is one difference; :data:`netemu.stack.eras.DIFFERENCES` has its history and source.
    """

    name: str
    judged_by: tuple[str, ...] = ()
    release: str = "7.2"  # of the kernel described
    sysctl: dict[str, Any] = {}
    sysctls_lacking: frozenset[str] = frozenset()
    stack: str = ""  # entry point of netemu.stacks that makes the hosts; empty: netemu's own
    hz: int = 250  # CONFIG_HZ; it must divide 1000
    memory_bytes: int = 253_645 * 4096  # nr_free_buffer_pages at boot, of netemu's UML guests with mem=1024M
    t0_after_boot_ns: int = 30_000_000_000  # how long a host has been up when a run begins, as netemu's UML guests
    ca_releases_uninitialized: bool = False  # a control is released even where it had not begun
    advmss_of_device: bool = True  # the MSS announced follows the device's MTU, whatever was learned of the path's
    grows_first_skb: bool = True  # tcp_grow_skb: a short segment at the head of the send queue is filled up
    skb_small_heads: bool = True  # skb_small_head_cache: 704 bytes hold the largest header, x86-64
    reclaims_pages_at_once: bool = True  # memory that a socket no longer needs goes back in whole pages
    traces_failed_retransmit: bool = True  # tracepoint tcp_retransmit_skb is passed when sending failed, too
    bbr_phase: int | None = (
        None  # what bbr's draws of ProbeBW's first phase come to (0 to 6); None: the host's seed tells
    )
    timer_wheel_coarse: bool = True  # timers far away fire late by up to an eighth; else at the tick asked for
    timeout_init_s: int = 1  # the first RTO, before there is an RTT
    win_by_scaling_ratio: bool = True  # window from memory by the measured ratio, not by tcp_adv_win_scale
    max_window_remembered: bool = True  # data is taken up to the furthest window ever offered
    zero_window_without_memory: bool = True  # what finds no memory is answered with window 0
    full_push_acked: bool = True  # a full segment with PSH counts as the end of a write
    rcv_rtt_when_drained: bool = True  # the receiver's RTT grows only by samples with an empty queue
    rcv_rtt_no_minimum: bool = True  # an RTT below a tick of the timestamps is no sample
    rcvbuf_grow_by_rtt: bool = True  # tcp_rcvbuf_grow, tcp_rcvbuf_low_rtt
    rcv_mss_by_ofo: bool = True  # segments behind a gap tell of the peer's segment size too
    synack_ecn_given_up: bool = True  # a SYN-ACK after a timeout in vain has no ECE
    udp_rcvbuf_is_strict: bool = True  # a datagram is queued only where all of it has room
    ato_limited_by_delack_max: bool = True  # ato stays below TCP_DELACK_MAX
    backlog_ack_deferred: bool = True  # tcp_backlog_ack_defer
    compressed_acks: bool = True  # tcp_comp_sack_*
    compressed_ack_reads_clock: bool = True  # its timestamp is of when it leaves, not of what arrived last
    comp_sack_rtt_percent: bool = True  # tcp_comp_sack_rtt_percent
    compressed_ack_deferred: bool = True  # it is sent by release_sock where a process held the socket
    bare_fin_in_zero_window: bool = True  # a FIN without data is taken though the window is 0
    end_seq_checked: bool = True  # a segment's end must lie in the window too
    paws_old_ack_ignored: bool = True  # an old ACK with an old timestamp is not answered
    crossed_synack_accepted: bool = True  # the SYN-ACK of a simultaneous open
    tcp_init_cwnd: int = 10  # segments of the initial window; 0: two to four, by the MSS
    init_rcv_wnd: int = 0  # segments that a first window is for; 0: as much as the buffer holds
    tlp_pto_of_3_10: bool = False  # a tail-loss probe waits as RFC 8985's draft of 2013 says
    synq_takes_one_more: bool = True  # the SYN queue is full beyond the backlog, not at it
    request_rst_challenge: bool = True  # a reset with an inexact number does not end a handshake
    request_checks_tsecr: bool = True  # the handshake's last ACK must echo a timestamp that was sent
    first_window_beyond_16_bits: bool = True  # a first window may be more than a SYN can say
    rcv_rtt_falls_at_once: bool = True  # a smaller RTT is taken as it is by the receiver
    rcv_space_less_queue: bool = True  # what still waits in the queue does not count as read
    passive_advmss_first: bool = True  # timestamps are taken off the MSS before an accepted socket's buffers are made
    paws_replay_hz: int = 1200  # how fast a peer's timestamps may tick, for old ACKs
    zero_window_believed: bool = True  # a window of 0 counts even where nothing else is new
    prunes_only_behind: bool = True  # no segment before the one that arrives is pruned for it
    ofo_dsack_to_end: bool = True  # a D-SACK for what was overlapped ends where that segment ends
    window_clamp_moves_ssthresh: bool = True  # TCP_WINDOW_CLAMP changes the window at once
    rcvbuf_moves_clamp: bool = True  # SO_RCVBUF sets what limits the window, on a connection too
    old_ack_taken_in_closing: bool = True  # an old ACK is no reason to challenge its sender
    prr_by_progress: bool = True  # below ssthresh PRR gives one more for progress without losses
    hystart_rounds_from_start: bool = True  # hystart counts rounds below its smallest window, too
    fin_ignores_cwnd: bool = False  # the last segment is not held back by the congestion window
    ack_delay_by_in_flight: bool = False  # whether an ACK was delayed is told by what was in flight
    probe_of_pages: bool = True  # a probe of the MTU is made of pages, not copied into one buffer
    request_keeps_timestamp: bool = True  # only the ACK that completes a handshake gives the timestamp to be echoed
    probe_dsack_apart: bool = True  # a D-SACK of a loss probe is known as such
    retrans_stamp_renewed: bool = True  # each recovery begins with a retrans_stamp of its own
    timestamps_in_jiffies: bool = False  # the clock of the timestamps option ticks as the kernel does, not each ms
    timestamps_from_s: int | None = None  # what that clock says at boot; None: something else for each peer
    rtt_in_jiffies: bool = False  # the RTT is measured and smoothed in ticks
    rtt_prefers_echo: bool = False  # of timestamp and time since sending the former tells the RTT
    early_retransmit: bool = False  # fewer than four segments need fewer duplicates
    frto_before_loss: bool = False  # a timeout is a loss only when the next ACKs say so
    rate_halving: bool = False  # a reduction takes a segment from the window for every second ACK, instead of PRR
    cwnd_moderated: bool = False  # outside Open no burst of more than the path reorders
    fack: bool = False  # losses are found by counting up to the highest SACKed segment
    prequeue: bool = False  # what arrives for a sleeping reader is processed by him
    fastopen_experimental: bool = False  # Fast Open in the drafts' experimental option alone
    tells_fastopen_child: bool = True  # TCPI_OPT_TFO_CHILD
    fastopen_marks_lost: bool = True  # what a SYN carried in vain is sent again as a loss
    dupthresh_recovery: bool = False  # losses are found by counting SACKs where tcp_recovery lacks bit 1

    @property
    def judgement(self) -> str:
        """'judged by ...', or 'unjudged': to be written on every figure and claim."""
        return f"judged by {', '.join(self.judged_by)}" if self.judged_by else UNJUDGED


_FIELDS = tuple(Profile.__struct_fields__)


def sysctl_of(profile: Profile) -> Sysctl:
    """The sysctls that a host of ``profile`` boots with."""
    return Sysctl(**profile.sysctl)


def profile_from(table: Mapping[str, Any], place: str) -> Profile:
    """A user's profile from a table: ``name``, ``base`` (another profile's name) and the fields that differ from it.

    BadInput names ``place`` and the field for one that is unknown or of the wrong type. A profile that a user made has
    been judged by no kernel, whatever its base.
    """
    from netemu.stack.eras import PROFILES

    table = dict(table)
    base_name = table.pop("base", "linux-7")
    if base_name not in PROFILES:
        raise BadInput(f"{place}: base {base_name!r} is no profile; there are {', '.join(PROFILES)}")
    for field in table:
        if field not in _FIELDS or field == "judged_by":
            raise BadInput(f"{place}: unknown field {field!r}; a profile has {', '.join(sorted(_FIELDS))}")
    values = msgspec.structs.asdict(PROFILES[base_name]) | {"judged_by": (), "name": ""} | table
    values["sysctl"] = {**PROFILES[base_name].sysctl, **dict(table.get("sysctl", {}))}
    try:
        profile = msgspec.convert(values, Profile)
    except msgspec.ValidationError as error:
        raise BadInput(f"{place}: {error}") from error
    return check_profile(profile, place)


def check_profile(profile: Profile, place: str) -> Profile:
    """``profile`` if its values make sense together; BadInput naming ``place`` and the value if not."""
    if not profile.name:
        raise BadInput(f"{place}: a profile needs a name")
    if profile.hz not in (100, 250, 1000):
        raise BadInput(f"{place}: hz is {profile.hz}; kernels that divide a millisecond have 100, 250 or 1000")
    if profile.bbr_phase is not None and not 0 <= profile.bbr_phase < BBR_PHASES:
        raise BadInput(f"{place}: bbr_phase is {profile.bbr_phase}; ProbeBW begins in one of the phases 0 to 6")
    unknown = sorted((profile.sysctl.keys() | profile.sysctls_lacking) - set(Sysctl.__dataclass_fields__))
    if unknown:
        raise BadInput(f"{place}: unknown sysctl {unknown[0]!r}; see netemu/stack/sysctl.py for those there are")
    return profile


def profile_names() -> tuple[str, ...]:
    """Names of all profiles, those of plug-ins and whole stacks of others included."""
    from netemu.stack.eras import PROFILES

    plugged_in = {entry.name for group in (GROUP, STACKS) for entry in entry_points(group=group)}
    return (*PROFILES, *sorted(plugged_in))


def find_profile(name: str) -> Profile:
    """The profile of that name, of netemu or of a plug-in; BadInput with the names there are if it is none of them."""
    from netemu.stack.eras import PROFILES

    if name in PROFILES:
        return PROFILES[name]
    for entry in entry_points(group=GROUP, name=name):
        return plugged_in(entry)
    if entry_points(group=STACKS, name=name):
        return Profile(name, stack=name)
    raise BadInput(f"no profile {name!r}; there are {', '.join(profile_names())}")


def plugged_in(entry: EntryPoint) -> Profile:
    """The profile that an entry point names; BadInput when it cannot be loaded or is none."""
    place, found = plug_ins.place_of("profile", entry), plug_ins.load_plug_in("profile", entry)
    if isinstance(found, Profile):
        return check_profile(msgspec.structs.replace(found, judged_by=()), place)
    if isinstance(found, Mapping):
        return profile_from(found, place)
    raise BadInput(f"{place}: is a {type(found).__name__}; give a netemu.stack.profile.Profile or a table of fields")
