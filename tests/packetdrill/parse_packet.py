"""Packets: ``< [ect0] P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>`` and ICMP messages."""

from __future__ import annotations

from tests.packetdrill import lexer
from tests.packetdrill.reader import Reader
from tests.packetdrill.syntax import IcmpPacket, IpInfo, Option, OtherPacket, TcpPacket
from tests.packetdrill.verdict import ScriptError

_ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3, "ect01": -1}
_U8, _U16, _U24, _U32 = 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF
VALID_FLAGS = frozenset(".FSRPEWAU01234567")
_ENCAPSULATIONS = ("ipv4", "ipv6", "gre", "GREv0", "mpls", "encap", "udp")


def packet(reader: Reader) -> TcpPacket | IcmpPacket | OtherPacket:
    """Take a packet, from its direction on.

    :raises ScriptError: it is none.
    """
    inbound = reader.take().kind == "<"
    ip = _ip_info(reader)
    token = reader.peek()
    if token.kind == lexer.WORD and token.text in _ENCAPSULATIONS:
        return _other(reader, inbound)
    if reader.word("icmp"):
        return _icmp(reader, inbound, ip)
    return _tcp(reader, inbound, ip)


def _other(reader: Reader, inbound: bool) -> OtherPacket:
    """What is not spoken here is one line."""
    token = reader.take()
    while reader.peek().line == token.line and reader.peek().kind != lexer.END:
        reader.take()
    return OtherPacket(inbound, "UDP packets" if token.text == "udp" else f"packets in {token.text}")


def _ip_info(reader: Reader) -> IpInfo:
    token, follows = reader.peek(), reader.peek(1)
    known = {*_ECN, "tos", "ttl", "flowlabel"}
    if token.kind not in ("(", "[") or follows.kind != lexer.WORD or follows.text not in known:
        return IpInfo()
    closing = ")" if reader.take().kind == "(" else "]"
    ecn = tos = ttl = label = None
    while True:
        word = reader.expect(lexer.WORD)
        if word.text in _ECN:
            ecn = _ECN[word.text]
        elif word.text == "tos":
            tos = int(reader.expect(lexer.HEX).text, 16)
        elif word.text == "ttl":
            ttl = reader.integer(0, _U8, "ttl")
        elif word.text == "flowlabel":
            label = int(reader.expect(lexer.HEX).text, 16)
        else:
            raise reader.wrong(word, "ECN, tos, ttl or flowlabel")
        if not reader.accept(","):
            break
    reader.expect(closing)
    return IpInfo(ecn, tos, ttl, label)


# ---- TCP


def _tcp(reader: Reader, inbound: bool, ip: IpInfo) -> TcpPacket:
    ports = (0, 0)
    if reader.peek().kind == lexer.INTEGER and reader.peek(1).kind == ">":
        source = reader.integer(0, _U16, "port")
        reader.expect(">")
        ports = (source, reader.integer(0, _U16, "port"))
    line = reader.peek().line
    flags = _flags(reader)
    seq, length = _range(reader)
    ack = reader.integer(0, _U32, "ack") if reader.word("ack") else 0
    window = reader.integer(0, _U16, "win") if reader.word("win") else None
    urgent = reader.integer(0, _U16, "urg") if reader.word("urg") else 0
    options = _options(reader) if reader.accept("<") else ()
    if inbound and window is None:
        raise ScriptError(line, "a packet that arrives needs a window")
    if inbound and options is None:
        raise ScriptError(line, "<...> is for packets that leave")
    return TcpPacket(inbound, ip, ports, flags, seq, length, ack, window, urgent, options)


def _flags(reader: Reader) -> str:
    token = reader.take()
    if token.kind == "-":
        return ""
    text = token.text
    if token.kind == lexer.WORD:
        if reader.peek().kind in (".", lexer.FLOAT):
            text += reader.take().text
    elif token.kind not in (".", lexer.FLOAT):
        raise reader.wrong(token, "TCP flags")
    counts = sum(letter.isdecimal() for letter in text)
    if not VALID_FLAGS.issuperset(text) or counts > 1 or (counts and not {"E", "W", "A"}.isdisjoint(text)):
        raise reader.wrong(token, "TCP flags")
    return text


def _range(reader: Reader) -> tuple[int, int]:
    """``1:1001(1000)``: the first number and the payload's bytes."""
    start = reader.integer(0, _U32, "sequence number")
    reader.expect(":")
    end = reader.integer(0, _U32, "sequence number")
    reader.expect("(")
    line = reader.peek().line
    length = reader.integer(0, _U16, "payload")
    reader.expect(")")
    if end != start + length:
        raise ScriptError(line, f"{start}:{end} is not {length} bytes")
    return start, length


def _options(reader: Reader) -> tuple[Option, ...] | None:
    if reader.accept(lexer.ELLIPSIS):
        reader.expect(">")
        return None
    found = [_option(reader)]
    while reader.accept(","):
        found.append(_option(reader))
    reader.expect(">")
    return tuple(found)


def _option(reader: Reader) -> Option:
    token = reader.expect(lexer.WORD)
    name = token.text
    if name in ("nop", "eol", "sackOK"):
        return name, ()
    if name in ("mss", "wscale"):
        return name, (reader.integer(0, _U16 if name == "mss" else _U8, name),)
    if name == "TS":
        reader.expect(lexer.WORD, "val")
        val = reader.integer(0, _U32, "val")
        reader.expect(lexer.WORD, "ecr")
        return name, (val, reader.integer(0, _U32, "ecr"))
    if name in _VALUES:
        return name, _VALUES[name](reader)
    if name == "md5":
        while reader.peek().kind in (lexer.WORD, lexer.INTEGER):
            reader.take()
        return name, ()
    raise reader.wrong(token, "a TCP option")


def _counters(reader: Reader) -> tuple[int, ...]:
    """Accurate ECN's option: its kind and up to three counters, which begin at one end or the other."""
    names = ("e0b", "ceb", "e1b") if reader.peek().text == "e0b" else ("e1b", "ceb", "e0b")
    reader.expect(lexer.WORD, names[0])
    found = [172 if names[0] == "e0b" else 174, reader.integer(0, _U24, names[0])]
    for name in names[1:]:
        if not reader.word(name):
            break
        found.append(reader.integer(0, _U24, name))
    return tuple(found)


def _cookie(reader: Reader) -> tuple[int, ...]:
    """Fast Open's cookie in hexadecimal digits; nothing: a request for one."""
    token = reader.peek()
    if token.kind not in (lexer.WORD, lexer.INTEGER):
        return ()
    reader.take()
    try:
        return tuple(bytes.fromhex(token.text))
    except ValueError as error:
        raise reader.wrong(token, "a cookie") from error


def _blocks(reader: Reader) -> tuple[int, ...]:
    found: list[int] = []
    while not found or reader.peek().kind == lexer.INTEGER:
        found.append(reader.integer(0, _U32, "SACK"))
        reader.expect(":")
        found.append(reader.integer(0, _U32, "SACK"))
    return tuple(found)


_VALUES = {"sack": _blocks, "FO": _cookie, "FOEXP": _cookie, "ECN": _counters}


# ---- ICMP


def _icmp(reader: Reader, inbound: bool, ip: IpInfo) -> IcmpPacket | OtherPacket:
    kind = reader.expect(lexer.WORD).text
    code = None
    if reader.peek().kind == lexer.WORD and reader.peek().text not in ("mtu", "id"):
        code = reader.take().text
    mtu = reader.integer(0, _U32, "mtu") if reader.word("mtu") else -1
    if reader.word("id"):
        reader.integer(0, _U16, "id")
        return OtherPacket(inbound, "ICMP echo sockets")
    quoted = (0, 0)
    if reader.accept("["):
        if reader.peek().kind == lexer.WORD:
            what = reader.take().text
            while not reader.accept("]"):
                reader.take()
            return OtherPacket(inbound, f"ICMP about {what}")
        quoted = _range(reader)
        reader.expect("]")
    return IcmpPacket(inbound, ip, kind, code, mtu, quoted)
