"""What ioctl() says of a stream's queues."""

from __future__ import annotations

import errno

from netemu.packet.tcp import ACK, FIN, PSH
from netemu.stack.tcp_ioctl import SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD
from netemu.stack.tcp_sockopt import TCP_INQ
from tests.stack.peer import Conversation


def test_bytes_to_read_and_bytes_on_their_way() -> None:
    talk = Conversation()
    talk.accepts()
    assert talk.call("ioctl", talk.fd, SIOCINQ) == 0
    talk.sends(ACK | PSH, 1, data=bytes(300))
    talk.sends(ACK | FIN, 301)
    assert talk.call("ioctl", talk.fd, SIOCINQ) == 300
    talk.call("recv", talk.fd, 100)
    assert talk.call("ioctl", talk.fd, SIOCINQ) == 200
    assert talk.call("ioctl", talk.fd, SIOCATMARK) == 0
    talk.call("send", talk.fd, bytes(70))
    assert talk.call("ioctl", talk.fd, SIOCOUTQ) == 70
    assert talk.call("ioctl", talk.fd, SIOCOUTQNSD) == 0
    talk.call("recv", talk.fd, 200)
    assert talk.call("ioctl", talk.fd, SIOCINQ) == 0


def test_what_has_no_answer() -> None:
    talk = Conversation()
    fd = talk.call("socket", 2, 1)
    assert talk.call("ioctl", fd, 0x5401) == -errno.ENOTTY
    talk.call("bind", fd, ("10.0.0.1", 99))
    talk.call("listen", fd, 1)
    assert talk.call("ioctl", fd, SIOCINQ) == -errno.EINVAL
    assert talk.call("ioctl", talk.call("socket", 2, 2), SIOCINQ) == -errno.ENOTTY


def test_recvmsg_tells_how_much_is_left() -> None:
    talk = Conversation()
    talk.accepts()
    assert talk.call("setsockopt", talk.fd, 6, TCP_INQ, 2) == -errno.EINVAL
    talk.sends(ACK | PSH, 1, data=bytes(300))
    assert talk.call("recvmsg", talk.fd, 100) == (bytes(100), [])
    talk.call("setsockopt", talk.fd, 6, TCP_INQ, 1)
    assert talk.call("getsockopt", talk.fd, 6, TCP_INQ) == 1
    assert talk.call("recvmsg", talk.fd, 50) == (bytes(50), [(6, TCP_INQ, 150)])
    talk.sends(ACK | FIN, 301)
    assert talk.call("recvmsg", talk.fd, 500) == (bytes(150), [(6, TCP_INQ, 1)])
