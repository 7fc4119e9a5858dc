"""Does a plug-in keep its contract? Public tests for congestion controls and whole stacks of others.

::

    from netemu.stack.testing import check_congestion_control

    def test_mine():
        check_congestion_control(Mine())

Each check raises :class:`netemu.errors.BadInput`, naming the plug-in, the member and what it did.
"""

from netemu.stack.testing.congestion import check_congestion_control
from netemu.stack.testing.hosts import Pair
from netemu.stack.testing.stacks import check_snapshot, check_stack

__all__ = ["Pair", "check_congestion_control", "check_snapshot", "check_stack"]
