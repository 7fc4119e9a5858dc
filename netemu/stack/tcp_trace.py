"""The kernel's TCP tracepoints that speak of a socket, by the names and fields of include/trace/events/tcp.h.

An event has the fields of one that netemu records from a real kernel (netemu/agents/trace_events.py), without the
addresses of the kernel's memory; sequence numbers are the wire's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.stack.tcp_h import tcp_current_ssthresh

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

AF_INET6 = 10
STATE_NAMES = (
    "", "TCP_ESTABLISHED", "TCP_SYN_SENT", "TCP_SYN_RECV", "TCP_FIN_WAIT1", "TCP_FIN_WAIT2", "TCP_TIME_WAIT",
    "TCP_CLOSE", "TCP_CLOSE_WAIT", "TCP_LAST_ACK", "TCP_LISTEN", "TCP_CLOSING", "TCP_NEW_SYN_RECV",
)  # fmt: skip
"""show_tcp_state_name of each sk_state."""

_MASK = 0xFFFFFFFF


def endpoint(sk_family: int, address: str, port: int) -> str:
    """ip:port, IPv6 in brackets."""
    return f"[{address}]:{port}" if sk_family == AF_INET6 else f"{address}:{port}"


def trace_tcp_probe(sk: TcpSock, skb: SkBuff) -> None:
    """``tcp:tcp_probe``: a segment comes in to an established socket, before anything is made of it."""
    if not sk.net.tracing:
        return
    family = sk.sk_family
    local = endpoint(family, sk.inet_saddr, sk.inet_sport)
    remote = endpoint(family, sk.inet_daddr, sk.inet_dport)
    sk.net.trace(
        "tcp_probe",
        {
            "family": "AF_INET6" if family == AF_INET6 else "AF_INET", "src": local, "dest": remote, "mark": 0,
            "data_len": len(skb.data), "snd_nxt": sk.snd_nxt & _MASK, "snd_una": sk.snd_una & _MASK,
            "snd_cwnd": sk.snd_cwnd, "ssthresh": tcp_current_ssthresh(sk), "snd_wnd": sk.snd_wnd,
            "srtt": sk.srtt_us >> 3, "rcv_wnd": sk.rcv_wnd, "sock_cookie": sk.sk_cookie, "local": local,
            "remote": remote,
        },
    )  # fmt: skip


def trace_tcp_retransmit_skb(sk: TcpSock, err: int) -> None:
    """``tcp:tcp_retransmit_skb``: a segment was sent again, or could not be (``err``)."""
    if not sk.net.tracing:
        return
    fields = _of_socket(sk)
    fields["state"] = STATE_NAMES[sk.sk_state]
    if sk.net.profile.traces_failed_retransmit:
        fields["err"] = err
    sk.net.trace("tcp_retransmit_skb", fields)


def trace_tcp_cong_state_set(sk: TcpSock, ca_state: int) -> None:
    """``tcp:tcp_cong_state_set``: the congestion state is about to be set, whatever it was."""
    if not sk.net.tracing:
        return
    fields = _of_socket(sk)
    fields["cong_state"] = ca_state
    sk.net.trace("tcp_cong_state_set", fields)


def trace_inet_sock_set_state(sk: TcpSock, oldstate: int, newstate: int) -> None:
    """``sock:inet_sock_set_state``: the state is about to change."""
    if not sk.net.tracing:
        return
    fields = _of_socket(sk)
    fields |= {"protocol": "IPPROTO_TCP", "oldstate": STATE_NAMES[oldstate], "newstate": STATE_NAMES[newstate]}
    sk.net.trace("inet_sock_set_state", fields)


def _of_socket(sk: TcpSock) -> dict[str, Any]:
    family, saddr, daddr = sk.sk_family, sk.inet_saddr, sk.inet_daddr
    fields: dict[str, Any] = {"family": "AF_INET6" if family == AF_INET6 else "AF_INET"}
    fields["sport"], fields["dport"] = sk.inet_sport, sk.inet_dport
    if family == AF_INET6:
        fields |= {"saddr": "0.0.0.0", "daddr": "0.0.0.0", "saddrv6": saddr, "daddrv6": daddr}
    else:
        fields |= {"saddr": saddr, "daddr": daddr, "saddrv6": f"::ffff:{saddr}", "daddrv6": f"::ffff:{daddr}"}
    fields["sock_cookie"] = sk.sk_cookie
    fields["local"] = endpoint(family, saddr, sk.inet_sport)
    fields["remote"] = endpoint(family, daddr, sk.inet_dport)
    return fields
