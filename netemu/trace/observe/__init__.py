"""Observers: a second look at packets that are already classified, one table each.

The compiled pass (:mod:`netemu.trace.track`) says what each packet is. What takes longer than a packet to happen, such
as a path MTU that falls or a window that stays shut, is told by observers: each reads the columns of the settled
chunks in order, keeps a few words of state for every flow, and gives rows of its own table.
"""
