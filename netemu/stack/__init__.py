"""The Linux TCP stack as readable, sans-IO Python: files, functions and fields named as in the kernel.

::

    system call, packet, deadline -->  LinuxStack.handle(event, now_ns)  --> transmit, complete, wake, trace
                                            |
      calls.py  tcp_sendmsg.py  tcp_recvmsg.py  tcp_close.py          what a process asks for
      tcp_input.py  tcp_ack.py  tcp_data_queue.py ...                 what an arriving segment does
      tcp_output.py  tcp_transmit.py  tcp_retransmit.py ...           what leaves, and when
      tcp_timer.py  timer.py                                          what time does

Eras are profiles of this one stack (profile.py); congestion control plugs in by the kernel's own members (cong.py).
Nothing here reads a clock, opens a socket or draws a random number: they come in. What differs from Linux stands in
LIMITATIONS.md.
"""

from netemu import compiled

compiled.arrange()
