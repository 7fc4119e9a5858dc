"""The kernel's account, packet by packet, and its refusal where it does not add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.accuracy.frames import ACK, FIN, SYN, Frame
from tests.accuracy.kernel_truth import (
    UNTOLD,
    by_counters,
    counters_disagree,
    endpoint,
    events_by_flow,
    label,
    label_probes,
    sent_again,
)

ENDS = {"local": "10.0.0.1:1000", "remote": "10.0.0.2:80"}
FLOW = endpoint(ENDS["local"]), endpoint(ENDS["remote"])


def frame(seq: int, payload: int = 100, flags: int = ACK, t_ns: int = 0) -> Frame:
    return Frame(1, t_ns, *FLOW, seq, 1, flags, 100, payload, 0, -1, -1)


def state(value: int) -> dict[str, Any]:
    return {"t_ns": 0, "event": "tcp_cong_state_set", "cong_state": value, **ENDS}


def again(t_ns: int = 0, **fields: object) -> dict[str, Any]:
    return {"t_ns": t_ns, "event": "tcp_retransmit_skb", "state": "TCP_ESTABLISHED", **ENDS, **fields}


def test_the_congestion_state_tells_the_cause() -> None:
    events = [again(1), state(3), again(2), state(4), again(3), again(4), state(0), again(5)]
    causes = [cause for _, cause in events_by_flow(events)[FLOW]]
    assert causes == ["tail_loss_probe", "fast", "timer", "timeout", "tail_loss_probe"]


def test_without_states_the_counters_tell_a_cause_that_is_the_only_one() -> None:
    def causes(**counters: int) -> list[str] | str:
        events = events_by_flow([again(1), again(2), again(3, state="TCP_SYN_SENT")], states_told=False)
        assert [cause for _, cause in events[FLOW]] == [UNTOLD, UNTOLD, "syn"]
        refused = by_counters(events.values(), {f"TcpExt{name}": count for name, count in counters.items()})
        return refused or [cause for _, cause in events[FLOW]]

    assert causes(TCPFastRetrans=2, TCPSynRetrans=1, TCPTimeouts=1) == ["fast", "fast", "syn"]
    assert causes(TCPLossProbes=2, TCPSynRetrans=1, TCPTimeouts=1) == ["tail_loss_probe", "tail_loss_probe", "syn"]
    assert causes(TCPSlowStartRetrans=1, TCPSynRetrans=1, TCPTimeouts=2) == ["timer", "timeout", "syn"]
    assert "several causes" in causes(TCPFastRetrans=1, TCPLossProbes=1)
    assert "several causes" in causes(TCPSlowStartRetrans=1, TCPLossProbes=1, TCPTimeouts=1)


def test_a_transmission_that_failed_is_no_retransmission() -> None:
    assert events_by_flow([again(err=-11)]) == {}


def test_packets_below_the_highest_sent_are_sent_again_across_the_wrap() -> None:
    sent = [frame(0xFFFFFFFF, 0, SYN), frame(0), frame(100), frame(0), frame(200)]
    assert sent_again(sent) == [sent[3]]


def test_the_nth_event_labels_the_nth_packet() -> None:
    sent = [frame(0), frame(100, 0, FIN | ACK)]
    assert label(sent, [(0, "timer"), (0, "fast")]) is None
    assert [one.truth for one in sent] == [{"timeout"}, {"fin"}]


def test_a_missing_event_is_said_and_nothing_is_guessed() -> None:
    assert label([frame(0)], []) == "1 packets sent again, 0 events"
    assert "apart" in str(label([frame(0, t_ns=10**9)], [(0, "fast")]))


def test_counters_must_agree_to_the_last_one() -> None:
    causes = Counter({"fast": 2, "timer": 1, "syn": 1})
    counters = {"TcpRetransSegs": 4, "TcpExtTCPSynRetrans": 1, "TcpExtTCPFastRetrans": 2}
    assert counters_disagree(causes, counters) is None
    assert "TcpExtTCPFastRetrans" in str(counters_disagree(causes, counters | {"TcpExtTCPFastRetrans": 3}))


def test_probes_have_a_name_only_when_all_are_of_one_kind() -> None:
    sent = [frame(0), frame(99, 0)]
    sent_again(sent)
    assert label_probes(sent, {"TcpExtTCPWinProbe": 1}) is None
    assert sent[1].truth == {"window_probe"}
    sent_again(sent)
    assert label_probes(sent, {"TcpExtTCPWinProbe": 1, "TcpExtTCPKeepAlive": 1}) is not None
