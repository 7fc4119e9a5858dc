"""An era of Linux TCP as data: what differs between kernels, each difference with its version and source.

Profiles are values of one class, and the code asks fields by name; nothing asks for a version.
"""

from __future__ import annotations

import msgspec


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel era. ``judged_by``: the real kernels that agree with it packet by packet; empty: 'unjudged'.

    Every further field is one difference; :data:`netemu.stack.eras.DIFFERENCES` has its history and source.
    """

    name: str
    judged_by: tuple[str, ...] = ()
    hz: int = 250
    memory_bytes: int = 1 << 30
