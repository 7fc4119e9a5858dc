"""Buffers that a process has not."""

from __future__ import annotations

import errno

from netemu.packet.tcp import ACK, PSH
from netemu.stack.uaccess import Unmapped
from tests.stack.peer import Conversation


def test_what_cannot_be_copied_is_not_sent_and_leaves_no_trace() -> None:
    talk = Conversation()
    talk.accepts()
    before = len(talk.replies)
    assert talk.call("send", talk.fd, Unmapped(100)) == -errno.EFAULT
    assert talk.call("send", talk.fd, Unmapped(0)) == 0
    assert len(talk.replies) == before
    sk = talk.sock
    assert (sk.sk_wmem_queued, sk.write_seq) == (0, sk.snd_nxt)
    assert talk.call("send", talk.fd, bytes(100)) == 100


def test_what_cannot_be_copied_stays_to_be_read() -> None:
    talk = Conversation()
    talk.accepts()
    talk.call("setblocking", talk.fd, False)
    assert talk.call("recv", talk.fd, Unmapped(50)) == -errno.EAGAIN
    talk.sends(ACK | PSH, 1, data=bytes(80))
    assert talk.call("recv", talk.fd, Unmapped(50)) == -errno.EFAULT
    assert talk.call("recv", talk.fd, 100) == bytes(80)
    assert talk.call("recv", talk.call("socket", 2, 2), Unmapped(5)) == -errno.EFAULT
