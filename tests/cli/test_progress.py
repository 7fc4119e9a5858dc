"""Progress: plain lines where it is read later, one line rewritten on a terminal."""

import io

from netemu.cli.progress import ProgressDisplay


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_elsewhere() -> None:
    stream = io.StringIO()
    display = ProgressDisplay("x on host", stream=stream)
    display("building")
    display("probing")
    display.done()
    first, second = stream.getvalue().splitlines()
    assert first.endswith("x on host: building")
    assert second.endswith("x on host: probing")


def test_one_line_on_a_terminal_which_is_cleared_at_the_end() -> None:
    stream = Terminal()
    display = ProgressDisplay("x", stream=stream)
    display("building")
    display.done()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_quiet_shows_nothing() -> None:
    stream = Terminal()
    display = ProgressDisplay("x", quiet=True, stream=stream)
    display("building")
    display.done()
    assert stream.getvalue() == ""
