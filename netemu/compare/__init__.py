"""Two runs packet by packet, and several runs side by side.

::

    tables of A --\\                       /--> first difference, its context and the sender's state --> text, JSON
                   packets --> alignment --
    tables of B --/                       \\--> identical_ratio, counts by field

Packets of one connection and direction are aligned in order (:mod:`netemu.compare.align`, which knows nothing of
packets), so one packet too many is one difference and not a thousand. Ports, initial sequence numbers and clocks
differ between runs and are not compared: flows are known by name, sequence numbers are offsets, times are relative.
"""
