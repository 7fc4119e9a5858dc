"""System calls by name on whole hosts; any sequence of them ends with a value or an errno, never otherwise."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Icmp, Options, Packet, Tcp, Udp
from netemu.stack.calls import CALLS
from netemu.stack.stack import LinuxStack
from tests.stack.hosts import AF_INET, DGRAM, PORT, STREAM, Lone, Pair

FAMILIES = pytest.mark.parametrize("family", [4, 6])


@FAMILIES
def test_bytes_arrive_in_order_and_the_stream_ends(family: int) -> None:
    pair = Pair(family=family)
    client, server = pair.connection()
    assert pair.do("a", "send", client, b"x" * 30_000) == 30_000
    pair.do("a", "close", client)
    got = b""
    while data := pair.do("b", "recv", server, 65536):
        got += data
    assert got == b"x" * 30_000


def test_names_of_both_ends() -> None:
    pair = Pair()
    client, server = pair.connection()
    here = pair.do("a", "getsockname", client)
    assert here[0] == "10.0.0.1"
    assert pair.do("a", "getpeername", client) == ("10.0.0.2", PORT)
    assert pair.do("b", "getsockname", server) == ("10.0.0.2", PORT)
    assert pair.do("b", "getpeername", server) == here


def test_what_is_no_descriptor_or_no_socket() -> None:
    pair = Pair()
    epoll = pair.do("a", "epoll_create")
    stream, datagrams = pair.socket("a"), pair.socket("a", DGRAM)
    assert pair.error("a", "recv", 99, 1) == errno.EBADF
    assert pair.error("a", "recv", epoll, 1) == errno.ENOTSOCK
    assert pair.error("a", "epoll_wait", stream, 1, 0) == errno.EINVAL
    assert pair.error("a", "listen", datagrams, 1) == errno.EOPNOTSUPP
    assert pair.error("a", "getpeername", stream) == errno.ENOTCONN
    assert pair.error("a", "send", stream, b"x") == errno.EPIPE
    assert pair.error("a", "recv", stream, 1) == errno.ENOTCONN


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((1, STREAM), errno.EAFNOSUPPORT),
        ((AF_INET, 3), errno.ESOCKTNOSUPPORT),
        ((AF_INET, STREAM, 17), errno.EPROTONOSUPPORT),
    ],
)
def test_sockets_that_there_are_not(args: tuple[int, ...], code: int) -> None:
    assert Pair().error("a", "socket", *args) == code


def test_a_closed_descriptor_is_given_again() -> None:
    pair = Pair()
    first = pair.socket("a")
    pair.do("a", "close", first)
    assert pair.error("a", "close", first) == errno.EBADF
    assert pair.socket("a") == first


def test_nonblocking_calls_do_not_wait() -> None:
    pair = Pair()
    listener, client = pair.listener(), pair.socket("a")
    pair.do("b", "setblocking", listener, False)
    pair.do("a", "setblocking", client, False)
    assert pair.error("b", "accept", listener) == errno.EAGAIN
    assert pair.error("a", "connect", client, ("10.0.0.2", PORT)) == errno.EINPROGRESS
    assert pair.error("a", "connect", client, ("10.0.0.2", PORT)) == errno.EALREADY
    assert pair.error("a", "send", client, b"x") == errno.EAGAIN
    pair.run(50)
    assert pair.do("a", "connect", client, ("10.0.0.2", PORT)) is None
    assert pair.error("a", "connect", client, ("10.0.0.2", PORT)) == errno.EISCONN
    assert pair.error("a", "recv", client, 1) == errno.EAGAIN


def test_a_signal_ends_a_call_that_waits() -> None:
    pair = Pair()
    listener = pair.listener()
    call = pair.start("b", "accept", listener)
    pair.run(5)
    pair.interrupt("b", call)
    with pytest.raises(OSError, match=r"Interrupted") as caught:
        pair.result(call)
    assert caught.value.errno == errno.EINTR


# ---- anything at all

_fds = st.integers(0, 12)
_small = st.binary(max_size=3000)
_addresses = st.tuples(
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.9", "0.0.0.0", "8.8.8.8", "::1", "::", "127.0.0.1", "fd00::2"]),
    st.sampled_from([0, PORT, PORT + 1]),
)
_options = st.one_of(
    st.tuples(st.sampled_from([0, 1, 6, 41]), st.integers(0, 60), st.integers(-1, 100_000)),
    st.just((1, 13, struct.pack("ii", 1, 0))),
    st.just((1, 13, struct.pack("ii", 1, 1))),
    st.just((1, 20, struct.pack("qq", 0, 50_000))),
    st.just((6, 13, b"reno")),
)
_CALLS = st.one_of(
    st.tuples(st.just("socket"), st.sampled_from([2, 10]), st.sampled_from([1, 2, 1 | 0o4000])),
    st.tuples(st.just("setblocking"), _fds, st.booleans()),
    st.tuples(st.just("bind"), _fds, _addresses),
    st.tuples(st.just("listen"), _fds, st.integers(-1, 3)),
    st.tuples(st.just("connect"), _fds, _addresses),
    st.tuples(st.just("accept"), _fds),
    st.tuples(st.just("send"), _fds, _small, st.sampled_from([0, 1, 0x40, 0x8000])),
    st.tuples(st.just("sendto"), _fds, _small, st.just(0), _addresses),
    st.tuples(st.just("recv"), _fds, st.integers(0, 5000), st.sampled_from([0, 1, 2, 0x20, 0x40, 0x100])),
    st.tuples(st.just("shutdown"), _fds, st.integers(-1, 3)),
    st.tuples(st.just("close"), _fds),
    st.tuples(st.just("epoll_create")),
    st.tuples(st.just("epoll_ctl"), _fds, st.integers(0, 4), _fds, st.sampled_from([1, 4, 5, 1 << 31 | 1, 16])),
    st.tuples(st.just("epoll_wait"), _fds, st.integers(0, 4), st.sampled_from([0, 10, -1])),
    st.tuples(st.just("getsockname"), _fds),
    st.tuples(st.just("getpeername"), _fds),
    st.builds(lambda fd, option: ("setsockopt", fd, *option), _fds, _options),
    st.tuples(st.just("getsockopt"), _fds, st.sampled_from([0, 1, 6, 41]), st.integers(0, 60)),
)
_STEPS = st.one_of(
    st.tuples(st.just("call"), st.sampled_from("ab"), _CALLS),
    st.tuples(st.just("wait"), st.sampled_from([1, 11, 300, 5000])),
    st.tuples(st.just("signal"), st.integers(0, 30)),
)


@settings(max_examples=150)
@given(st.lists(_STEPS, max_size=40), st.sets(st.integers(0, 40), max_size=6))
def test_any_calls_end_with_a_value_or_an_errno(steps: list[tuple[Any, ...]], lost: set[int]) -> None:
    pair = Pair(drop=lambda number, host, packet: number in lost)
    started: list[tuple[str, int]] = []
    for step in steps:
        if step[0] == "call":
            started.append((step[1], pair.start(step[1], *step[2])))
        elif step[0] == "wait":
            pair.run(pair.now_ms + step[1])
        elif step[1] < len(started) and not pair.returned(started[step[1]][1]):
            pair.interrupt(*started[step[1]])
    pair.run(pair.now_ms + 400_000)
    for host in pair.hosts.values():
        host.snapshot()


_words = st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 1, 999, 1000, 1001, 1002, 2000, 0xFFFFFFFF]))
_segment_options = st.builds(
    Options,
    mss=st.none() | st.sampled_from([0, 1, 536, 1460, 65535]),
    window_scale=st.none() | st.integers(0, 255),
    sack_permitted=st.booleans(),
    ts_val=st.none() | _words,
    ts_ecr=st.just(0) | _words,
    sack=st.lists(st.tuples(_words, _words), max_size=4).map(tuple),
)
_hostile = st.builds(
    Tcp,
    source_port=st.sampled_from([40_000, 40_001, 0]),
    destination_port=st.sampled_from([PORT, PORT, PORT, PORT + 1, 0]),
    seq=_words,
    ack_seq=_words,
    flags=st.integers(0, 511),
    window=st.sampled_from([0, 1, 100, 65535]),
    payload=st.binary(max_size=60),
    options=_segment_options,
    urgent=st.integers(0, 65535),
)
_BODIES = st.one_of(
    st.tuples(st.just(IPPROTO_TCP), _hostile),
    st.tuples(st.just(IPPROTO_TCP), st.binary(max_size=80)),
    st.tuples(st.just(IPPROTO_UDP), st.builds(Udp, st.integers(0, 9), st.just(PORT), st.binary(max_size=50))),
    st.tuples(st.integers(0, 255), st.binary(max_size=50)),
)


def _packet(body: tuple[int, Any], fragment: tuple[bool, int], length: int) -> Packet:
    carried = body[1]
    if (fragment[0] or fragment[1]) and not isinstance(carried, bytes):
        carried = b"\0" * 24
    return Packet(
        4, "10.0.0.1", "10.0.0.2", body[0], length, carried, 64, 0, 7, False, fragment[0], fragment[1] * 8
    )  # fmt: skip


_packets = st.builds(
    _packet,
    _BODIES,
    st.just((False, 0)) | st.tuples(st.booleans(), st.integers(0, 20)),
    st.integers(20, 2000) | st.just(65535),
)
_errors = st.builds(
    lambda kind, code, mtu, quoted: Packet(
        4, "10.0.0.9", "10.0.0.2", IPPROTO_ICMP, 56, Icmp(kind, code, mtu, quoted), 64
    ),
    st.integers(0, 18),
    st.integers(0, 20),
    st.sampled_from([0, 1, 68, 100, 552, 1000, 1499, 65535]),
    st.none()
    | st.builds(
        lambda seq, port: Packet(
            4, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 1500, Tcp(PORT, port, seq, 0, 16, 0, b"x" * 8), 64
        ),
        _words,
        st.sampled_from([40_000, 40_001]),
    ),
)


@settings(max_examples=200)
@given(st.lists(_packets | _errors, max_size=30), st.booleans(), st.booleans())
def test_hostile_packets_never_raise(packets: list[Packet], connected: bool, cookies: bool) -> None:
    lone = Lone(sysctls={"net.ipv4.tcp_syncookies": "2" if cookies else "1"})
    listener = lone.listener()
    datagrams = lone.socket("b", DGRAM)
    lone.do("b", "bind", datagrams, ("0.0.0.0", PORT))
    if connected:
        server, _ = lone.open(listener, options=Options(mss=1460, sack_permitted=True, ts_val=5, ts_ecr=0))
        lone.do("b", "send", server, b"y" * 20_000)
        lone.start("b", "recv", server, 100_000)
    for packet in packets:
        lone.deliver(packet)
    lone.run(lone.now_ms + 300_000)
    lone.hosts["b"].snapshot()


def _add_up(net: LinuxStack) -> None:
    """What is true of every socket at any time, whatever the network did."""
    charged = 0
    for sk in net.tcp_sockets:
        sent = sum(skb.truesize for queue in (sk.sk_write_queue, sk.tcp_rtx_queue) for skb in queue)
        received = sum(skb.truesize for queue in (sk.sk_receive_queue, sk.out_of_order_queue) for skb in queue)
        assert (sk.sk_wmem_queued, sk.sk_rmem_alloc) == (sent, received)
        assert sk.snd_una <= sk.snd_nxt <= sk.write_seq
        assert sk.copied_seq <= sk.rcv_nxt + 1
        assert sk.packets_out == sum(skb.tcp_gso_segs for skb in sk.tcp_rtx_queue)
        assert not sk.sk_owned
        charged += sent + received + sk.sk_forward_alloc
    assert charged == net.tcp_memory_allocated * 4096


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40_000), min_size=1, max_size=4),
    st.sets(st.integers(0, 120), max_size=25),
    st.dictionaries(st.integers(0, 120), st.sampled_from([1, 15, 60, -0.5, -30]), max_size=25),
    st.tuples(
        st.sampled_from([500, 5000, 100_000]), st.sampled_from([None, 4000, 20_000]), st.sampled_from(["1", "0"])
    ),
)
def test_every_byte_arrives_once_whatever_the_network_does(
    writes: list[int], lost: set[int], late: dict[int, float], how: tuple[int, int | None, str]
) -> None:
    chunk, rcvbuf, option = how
    pair = Pair(
        drop=lambda number, host, packet: number in lost,
        late=lambda number: late.get(number, 0),
        watch=_add_up,
        sysctls={"net.ipv4.tcp_sack": option},
    )
    listener, client = pair.listener(), pair.socket("a")
    if rcvbuf is not None:
        pair.do("b", "setsockopt", listener, 1, 8, rcvbuf)
    accepting = pair.start("b", "accept", listener)
    pair.do("a", "connect", client, ("10.0.0.2", PORT))
    data = bytes(index % 251 for index in range(sum(writes)))
    sent = 0
    sending = pair.start("a", "send", client, data[: writes[0]])
    server = pair.result(accepting)[0]
    got = b""
    for size in [*writes[1:], 0]:
        while not pair.returned(sending):
            got += pair.do("b", "recv", server, chunk)
        sent += pair.result(sending)
        if size:
            sending = pair.start("a", "send", client, data[sent : sent + size])
    pair.do("a", "close", client)
    while part := pair.do("b", "recv", server, chunk):
        got += part
    assert got == data
    pair.do("b", "close", server)
    pair.do("b", "close", listener)
    pair.run(pair.now_ms + 400_000)
    for net in pair.hosts.values():
        assert (net.tcp_sockets, net.tcp_memory_allocated, net.hashinfo.bhash) == (set(), 0, {})


def test_every_call_has_an_entry() -> None:
    assert set(CALLS) >= {
        "socket", "bind", "listen", "connect", "accept", "send", "recv", "sendto", "recvfrom", "shutdown", "close",
        "setsockopt", "getsockopt", "getsockname", "getpeername", "epoll_create", "epoll_ctl", "epoll_wait",
    }  # fmt: skip
