"""The error tree: one subclass for each party that must act, each with the exit code the command returns.

Every message is one line that holds the offending value, its place and the remedy.
"""

from __future__ import annotations


class NetemuError(Exception):
    """Base of every error that netemu raises on purpose; its text is one line for the user."""

    exit_code = 1


class BadInput(NetemuError):
    """The user's file, graph, option or capture is wrong: the user must change it."""

    exit_code = 2


class MissingCapability(NetemuError):
    """This machine or kernel cannot do what was asked: something must be installed or another kernel used."""

    exit_code = 3


class VoidRun(NetemuError):
    """The run happened, yet its measurements cannot be trusted, so it has no result."""

    exit_code = 4


class Terminated(SystemExit):
    """SIGTERM arrived; told apart from a user's file that calls ``sys.exit``, which is a mistake in that file."""


class FailedClaim(NetemuError):
    """The run is valid and a claim of the experiment does not hold in it."""

    exit_code = 1
