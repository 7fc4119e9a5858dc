"""What limited a sender, for how long."""

from __future__ import annotations

from netemu.stack import tcp_chrono as chrono
from netemu.stack.skbuff import SkBuff
from tests.stack.senders import make_sender, wait_ns


def test_the_stronger_condition_is_counted_and_busy_goes_on_after_it() -> None:
    sk = make_sender()
    tick = sk.net.timers.tick_ns
    sk.sk_write_queue.append(SkBuff(0, 1, 0, b"x"))
    chrono.tcp_chrono_start(sk, chrono.TCP_CHRONO_BUSY)
    wait_ns(sk.net, 3 * tick)
    chrono.tcp_chrono_start(sk, chrono.TCP_CHRONO_RWND_LIMITED)
    chrono.tcp_chrono_start(sk, chrono.TCP_CHRONO_BUSY)
    wait_ns(sk.net, 5 * tick)
    chrono.tcp_chrono_stop(sk, chrono.TCP_CHRONO_RWND_LIMITED)
    assert sk.chrono_type == chrono.TCP_CHRONO_BUSY
    wait_ns(sk.net, 7 * tick)
    sk.sk_write_queue.pop()
    chrono.tcp_chrono_stop(sk, chrono.TCP_CHRONO_BUSY)
    assert sk.chrono_type == chrono.TCP_CHRONO_UNSPEC
    assert sk.chrono_stat == [10, 5, 0]
