"""How much waits in a stream's queues: ioctl() of a TCP socket (tcp_ioctl of net/ipv4/tcp.c, tcp_inq of net/tcp.h)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
from netemu.stack.task import KernelError

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

SIOCATMARK, SIOCOUTQ, SIOCINQ, SIOCOUTQNSD = 0x8905, 0x5411, 0x541B, 0x894B


def tcp_inq(sk: TcpSock) -> int:
    """Bytes that can be read before urgent data or the end; a FIN is none."""
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV):
        return 0
    if sk.sk_urginline or not sk.urg_data or not sk.copied_seq <= sk.urg_seq < sk.rcv_nxt:
        waiting = sk.rcv_nxt - sk.copied_seq
        return waiting - 1 if waiting and sk.sk_done else waiting
    return sk.urg_seq - sk.copied_seq


def tcp_inq_hint(sk: TcpSock) -> int:
    """What recvmsg() tells beside the data with TCP_INQ (net/ipv4/tcp.c): 1 where only the end is left to be read."""
    return sk.rcv_nxt - sk.copied_seq or int(sk.sk_done)


def tcp_ioctl(sk: TcpSock, command: int) -> int:
    """The answer of ``command``.

    :raises KernelError: EINVAL of a listener, ENOTTY of any other command.
    """
    if command == SIOCATMARK:
        return int(bool(sk.urg_data) and sk.urg_seq == sk.copied_seq)
    if command not in (SIOCINQ, SIOCOUTQ, SIOCOUTQNSD):
        raise KernelError(errno.ENOTTY)
    if sk.sk_state == TCP_LISTEN:
        raise KernelError(errno.EINVAL)
    if command == SIOCINQ:
        return tcp_inq(sk)
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV):
        return 0
    return sk.write_seq - (sk.snd_una if command == SIOCOUTQ else sk.snd_nxt)
