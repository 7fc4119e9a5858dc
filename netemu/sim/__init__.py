"""A Plan in virtual time on models: no root, no clock, no socket; the same plan and seed give the same bytes.

::

    execute.py    build -> run -> collect, and what a model cannot do refused by name
    network.py    hosts and routers (netemu.stack), switches, wires (netemu.link), captures, from the plan
    engine.py     what happens when: interrupts of an instant first, then processes, then recorders
    host.py       a stack in the engine: events in, actions out, its deadline
    process.py    an agent as a greenlet: a system call that blocks gives the processor back
    system.py     what agents touch (netemu.agents.system), on the stack's system calls
    captures.py, journal.py, samples.py, tracing.py    what a run leaves, in the files of netemu.recording

Computing takes no time here, as in a User-Mode Linux guest in virtual time: a process that was woken runs at the same
instant, after every packet and timer of it.
"""
