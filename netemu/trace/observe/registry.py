"""The list of observers."""

from __future__ import annotations

from netemu.trace.engine import Reader
from netemu.trace.observe.datagrams import Datagrams
from netemu.trace.observe.fragments import Fragments
from netemu.trace.observe.icmp_messages import IcmpMessages
from netemu.trace.observe.observer import Observer
from netemu.trace.observe.rates import Rates
from netemu.trace.observe.together import Together

OBSERVERS: tuple[type[Observer], ...] = (Together, Datagrams, IcmpMessages, Rates, Fragments)
"""Every observer, in the order of their tables."""


def observers_of(reader: Reader) -> list[Observer]:
    """New observers for one file."""
    return [kind(reader) for kind in OBSERVERS]
