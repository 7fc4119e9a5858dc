"""How a script can end other than passed."""

from __future__ import annotations


class ScriptError(Exception):
    """The script is not in the language: ``line`` (from 1) and what is wrong there."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line, self.what = line, what


class NotApplicable(Exception):
    """The script asks for something that the models leave out, or this interpreter does not speak: ``reason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mismatch(Exception):
    """The host did something else: what the script's ``line`` ``expected``, and what it ``got``."""

    def __init__(self, line: int, expected: str, got: str) -> None:
        super().__init__(f"line {line}: expected {expected}, got {got}")
        self.line, self.expected, self.got = line, expected, got
