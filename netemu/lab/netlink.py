"""A netlink socket that sends many requests at once, and the attribute codec under it.

Setting up 50 hosts takes some 6,000 requests. Packed by hand and sent a hundred to a datagram they take tens of
milliseconds; one library object and one system call for each takes seconds. Only the last request of a datagram asks
for an acknowledgement: the kernel reports an error for each that fails and works through them in order
(netlink_rcv_skb, net/netlink/af_netlink.c).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netemu.errors import MissingCapability

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_DUMP_INTR = 0x10

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF
_SOL_NETLINK = 270
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12
_NLMSGERR_ATTR_MSG = 1
_NLM_F_CAPPED = 0x100
_NLM_F_ACK_TLVS = 0x200

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_BATCH_BYTES = 32 << 10


@dataclass(frozen=True, slots=True)
class Request:
    """One message: ``kind`` (RTM_...), ``flags`` (NLM_F_...), ``body`` (family header and attributes).

    ``place`` says in an error what was being set: ``"h1: address 10.0.0.1/24"``.
    """

    kind: int
    flags: int
    body: bytes
    place: str


def attribute(kind: int, payload: bytes) -> bytes:
    """One netlink attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def attribute_u8(kind: int, value: int) -> bytes:
    """An attribute with one unsigned byte."""
    return attribute(kind, struct.pack("=B", value))


def attribute_u32(kind: int, value: int) -> bytes:
    """An attribute with one unsigned 32-bit number in the machine's byte order."""
    return attribute(kind, struct.pack("=I", value))


def attribute_text(kind: int, text: str) -> bytes:
    """An attribute with a text ended by a zero byte."""
    return attribute(kind, text.encode() + b"\0")


def attribute_nested(kind: int, *inner: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(inner))


def parse_attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes in ``data`` from ``offset`` on, by type; of a type that stands twice the last one."""
    found: dict[int, bytes] = {}
    end = len(data)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or offset + length > end:
            raise ValueError(f"netlink attribute of {length} bytes at {offset} in {end} bytes")
        found[kind & _NLA_TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def split_messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """``(kind, flags, seq, body)`` of each message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, seq, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise ValueError(f"netlink message of {length} bytes at {offset} in {len(data)} bytes")
        yield kind, flags, seq, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


class NetlinkSocket:
    """An rtnetlink socket of the network namespace in which the calling thread was when it made it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        self._socket.bind((0, 0))
        self._seq = 0

    def close(self) -> None:
        """Close the socket; the namespace lives on as long as something else holds it."""
        self._socket.close()

    def execute(self, requests: Sequence[Request]) -> None:
        """Carry out ``requests`` in order.

        Raises
        ------
        MissingCapability
            The kernel refused one; the text names its place and the kernel's reason.
        """
        batch: list[Request] = []
        size = 0
        for request in requests:
            if batch and size + len(request.body) > _BATCH_BYTES:
                self._execute_batch(batch)
                batch, size = [], 0
            batch.append(request)
            size += len(request.body) + _HEADER.size
        if batch:
            self._execute_batch(batch)

    def _execute_batch(self, batch: Sequence[Request]) -> None:
        first = self._seq + 1
        self._seq += len(batch)
        data = bytearray()
        for index, request in enumerate(batch):
            flags = request.flags | NLM_F_REQUEST | (NLM_F_ACK if index == len(batch) - 1 else 0)
            data += _HEADER.pack(_HEADER.size + len(request.body), request.kind, flags, first + index, 0)
            data += request.body
            data += bytes(-len(request.body) % 4)
        self._socket.sendall(data)
        refused: MissingCapability | None = None
        while True:
            for kind, flags, seq, body in split_messages(self._socket.recv(1 << 17)):
                if kind != NLMSG_ERROR:
                    continue
                error = -struct.unpack_from("=i", body)[0]
                if error and refused is None:
                    reason = error_text(error, flags, body)
                    refused = MissingCapability(f"{batch[seq - first].place}: the kernel refuses it: {reason}")
                if seq == self._seq:
                    if refused is not None:
                        raise refused
                    return

    def dump(self, kind: int, body: bytes, place: str) -> Iterable[bytes]:
        """The bodies of all answers to the dump request ``kind``; :class:`MissingCapability` if it is refused."""
        for _ in range(8):
            answers = self._dump_once(kind, body, place)
            if answers is not None:
                return answers
        raise MissingCapability(f"{place}: the kernel's table changed during each of 8 readings of it")

    def _dump_once(self, kind: int, body: bytes, place: str) -> list[bytes] | None:
        self._seq += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, self._seq, 0)
        self._socket.sendall(header + body)
        answers: list[bytes] = []
        interrupted = False
        while True:
            for answer_kind, flags, seq, answer in split_messages(self._socket.recv(1 << 17)):
                if seq != self._seq:
                    continue
                interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                if answer_kind in (NLMSG_ERROR, NLMSG_DONE):
                    error = -struct.unpack_from("=i", answer)[0] if answer else 0
                    if error:
                        raise MissingCapability(
                            f"{place}: the kernel refuses to list it: {error_text(error, flags, answer)}"
                        )
                    return None if interrupted else answers
                answers.append(answer)


def error_text(error: int, flags: int, body: bytes) -> str:
    """What the kernel says of a refused request: its own words (extended ACK) where it has some, and the errno."""
    words = ""
    if flags & _NLM_F_ACK_TLVS and len(body) >= 20:
        request_bytes = _HEADER.size if flags & _NLM_F_CAPPED else struct.unpack_from("=I", body, 4)[0]
        found = parse_attributes(body, 4 + ((request_bytes + 3) & ~3))
        words = found.get(_NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
    return f"{words} ({os.strerror(error)})" if words else os.strerror(error)
