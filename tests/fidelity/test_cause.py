"""Where to look first."""

from __future__ import annotations

import msgspec
import pytest

from netemu.fidelity import cause
from netemu.fidelity.judged import Difference
from netemu.fidelity.relative import Relative

DATA = Relative(4, 0, 1, 1, 1000, 16, 502, (), 0, 0, 1052, 0, True, ())
PURE_ACK = msgspec.structs.replace(DATA, payload=0)


@pytest.mark.parametrize(
    ("packet", "field", "probe", "part"),
    [
        (DATA, "window", None, cause.RECV),
        (PURE_ACK, "missing", None, cause.RECV),
        (DATA, "payload", None, cause.SEND),
        (DATA, "flags", "snd_wnd", cause.SEND),
        (DATA, "missing", None, cause.ACK),
        (DATA, "missing", "snd_cwnd", cause.CC),
        (DATA, "missing", "ssthresh", cause.CC),
        (DATA, "seq", "srtt", cause.ACK),
        (msgspec.structs.replace(DATA, flags=2), "window", None, cause.CONN),
        (msgspec.structs.replace(PURE_ACK, flags=17), "missing", None, cause.CONN),
        (msgspec.structs.replace(DATA, other=(3, 4, 1400)), "missing", None, cause.CONN),
    ],
)
def test_the_part_that_decides_a_field_is_named(packet: Relative, field: str, probe: str | None, part: str) -> None:
    first = Difference("h1-eth0", "10.0.0.2:5001#1", True, 4, 0, field, "1", "2")
    told = cause.cause(first, packet, probe)
    assert told.startswith(f"{part} ({cause.FILES[part]})")
    assert told.endswith(f"{probe} differs first" if probe else ")")
