"""Accurate ECN: agreed on or not, marks in both directions, its option beside others, and paths that eat it (M05, M19).

Each sets ``tcp_ecn_option``, which kernels without Accurate ECN lack, so that they are left out there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netemu.experiment import bulk, request_response
from netemu.experiment.traffic import Flow
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios.loss import BACK, FORWARD, dropping
from netemu.fidelity.scenarios.sending import CUBIC, NARROW, PATH, RENO

_MARKING = {**NARROW, "queue": "60p", "ecn": "15p", "backend": "relay"}
_FEW_MARKS = {**NARROW, "queue": "60p", "ecn": "30p", "backend": "relay"}


def _both(client: int = 3, server: int = 3, option: int = 2, **more: int) -> Mapping[str, Mapping[str, str | int]]:
    """``tcp_ecn`` of both hosts, and what else holds for both."""
    common: dict[str, str | int] = {"net.ipv4.tcp_ecn_option": option}
    common |= {f"net.ipv4.{name}": value for name, value in more.items()}
    return {"h1": {"net.ipv4.tcp_ecn": client, **common}, "h2": {"net.ipv4.tcp_ecn": server, **common}}


def _scenario(
    name: str,
    shows: str,
    link: Mapping[str, Any],
    sysctls: Mapping[str, Mapping[str, str | int]],
    flow: Flow | None = None,
) -> Scenario:
    traffic = bulk("one", "h1", "h2", size=150_000, sender=RENO) if flow is None else flow
    return Scenario(name, ("M05", "M19"), shows, (link,), (traffic,), sysctls=sysctls)


ACCECN = (
    _scenario("accecn", "agreed on, and nothing is marked", PATH, _both()),
    _scenario("accecn_marks", "a queue that marks instead of dropping: each mark counts", _MARKING, _both()),
    _scenario(
        "accecn_cubic",
        "fewer marks, cubic",
        _FEW_MARKS,
        _both(),
        bulk("one", "h1", "h2", size=300_000, sender=CUBIC),
    ),
    _scenario("accecn_option_off", "three bits alone tell of the marks", _MARKING, _both(option=0)),
    _scenario("accecn_option_minimum", "the option comes when it has something to tell", _MARKING, _both(option=1)),
    _scenario(
        "accecn_no_timestamps",
        "without timestamps, so that the option shares words with others",
        _MARKING,
        _both(tcp_timestamps=0),
    ),
    _scenario("accecn_plain", "without timestamps and SACK", _MARKING, _both(tcp_timestamps=0, tcp_sack=0)),
    _scenario(
        "accecn_losses",
        "losses: SACK blocks and the option share 28 bytes",
        {**_MARKING, "drops": {FORWARD: [{"kind": "new_data", "nth": [20, 22, 24, 26, 28]}]}},
        _both(),
    ),
    _scenario(
        "accecn_responses",
        "marks on the way back: the client counts",
        _MARKING,
        _both(),
        request_response("one", "h1", "h2", count=4, request=500, response=60_000),
    ),
    _scenario("accecn_server_classic", "the server knows classic ECN alone", _MARKING, _both(server=2)),
    _scenario("accecn_server_none", "the server knows no ECN", _MARKING, _both(server=0)),
    _scenario("accecn_client_classic", "the client asks for classic ECN alone", _MARKING, _both(client=1)),
    _scenario("accecn_only_taken", "4 asks for classic ECN, 5 takes what is asked for", _MARKING, _both(4, 5)),
    _scenario("accecn_syn_lost", "the first SYN that goes again asks for it, too", dropping("syn", [1]), _both()),
    _scenario("accecn_syns_lost", "the second does not any more", dropping("syn", [1, 2]), _both()),
    _scenario("accecn_synack_lost", "a SYN-ACK that goes again has no option", dropping("syn_ack", [1], BACK), _both()),
    _scenario("accecn_synacks_lost", "nor any bits", dropping("syn_ack", [1, 2], BACK), _both()),
    _scenario("accecn_third_ack_lost", "data, instead of the ACK that tells", dropping("ack", [1]), _both()),
    _scenario(
        "accecn_acks_lost",
        "ACKs with counts are lost in a row: the next ones tell of more",
        {**_MARKING, "drops": {BACK: [{"kind": "ack", "nth": list(range(20, 29))}]}},
        _both(),
    ),
    _scenario(
        "accecn_syn_cookies",
        "with SYN cookies: the last ACK of the handshake tells that it was agreed on",
        _MARKING,
        {**_both(), "h2": {**_both()["h2"], "net.ipv4.tcp_syncookies": 2}},
    ),
    _scenario(
        "accecn_fastopen",
        "together with Fast Open",
        _MARKING,
        _both(tcp_fastopen=515),
        bulk(
            "one",
            "h1",
            "h2",
            size=60_000,
            sender={**RENO, "fastopen": True, "setsockopt": [["IPPROTO_TCP", 34, 1]]},
            receiver={"fastopen": True},
        ),
    ),
)
