"""What file descriptors stand for in the one process that a host's programs share here."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from netemu.stack.task import KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_FD = 3


class FileTable:
    """Descriptor -> open file (a TCP or UDP socket, or an epoll instance); the lowest free number is given."""

    __slots__ = ("_files",)

    def __init__(self) -> None:
        self._files: dict[int, Any] = {}

    def install(self, file: Any) -> int:
        """Give ``file`` a descriptor."""
        fd = FIRST_FD
        while fd in self._files:
            fd += 1
        self._files[fd] = file
        return fd

    def get(self, fd: int) -> Any:
        """What ``fd`` stands for.

        :raises KernelError: EBADF.
        """
        try:
            return self._files[fd]
        except KeyError:
            raise KernelError(errno.EBADF) from None

    def remove(self, fd: int) -> Any:
        """Forget ``fd``; what it stood for.

        :raises KernelError: EBADF.
        """
        file = self.get(fd)
        del self._files[fd]
        return file

    def __iter__(self) -> Iterator[Any]:
        return iter(self._files.values())
