from __future__ import annotations

import pytest

from netemu.errors import VoidRun
from netemu.lab.namespace import Namespace
from netemu.lab.netem_tc import TcSession

pytestmark = pytest.mark.lab


def test_an_answer_shows_that_the_lines_before_it_were_carried_out() -> None:
    with Namespace("place") as place:
        session = TcSession(place)
        assert session.show("lo") == []  # a loopback that was never up has none
        session.run(["qdisc add dev lo root handle 7: pfifo limit 5"])
        (shown,) = session.show("lo")
        assert (shown["handle"], shown["options"], shown["packets"]) == ("7:", {"limit": 5}, 0)
        session.run(["qdisc change dev lo root handle 7: pfifo limit 6"])
        assert session.show("lo")[0]["options"] == {"limit": 6}
        session.close()
        session.close()


def test_a_line_that_fails_is_told_in_tc_s_words_at_the_next_answer() -> None:
    with Namespace("place") as place:
        session = TcSession(place)
        session.run(["qdisc add dev lo root nonsense"])
        with pytest.raises(VoidRun, match=r"place: tc: .*Command failed -:1"):
            session.show("lo")
        session.close()
