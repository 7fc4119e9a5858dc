"""What is asked for, as data: link, traffic, capture, and the Plan made of them.

Every type is a frozen :class:`msgspec.Struct`: hashable where its fields are, compared by value, and read from
and written to JSON without loss by :mod:`netemu.specs.codec`. Nothing here does anything.
"""

from netemu.specs.codec import from_json, to_json
from netemu.specs.link import (
    DropRule,
    FixedLoss,
    GilbertElliott,
    LinkChange,
    LinkDirection,
    Queue,
    SegmentKind,
)
from netemu.specs.plan import (
    AgentSpec,
    CaptureSpec,
    Endpoint,
    LinkSpec,
    NodeSpec,
    Plan,
    ProbeSpec,
    RouteSpec,
)

__all__ = [
    "AgentSpec",
    "CaptureSpec",
    "DropRule",
    "Endpoint",
    "FixedLoss",
    "GilbertElliott",
    "LinkChange",
    "LinkDirection",
    "LinkSpec",
    "NodeSpec",
    "Plan",
    "ProbeSpec",
    "Queue",
    "RouteSpec",
    "SegmentKind",
    "from_json",
    "to_json",
]
