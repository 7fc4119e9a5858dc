"""Memory of a process that is none: what copy_from_user() and copy_to_user() fail on."""

from __future__ import annotations


class Unmapped(bytes):
    """So many bytes at an address that the process has not: to be sent, or to be read into. Copying is EFAULT."""
