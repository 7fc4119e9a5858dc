"""The one module that imports Scapy: frames looked at singly, into and out of the types of this package.

Scapy takes a second to import and 0.2 ms per packet, and is GPL-2.0-only: it dissects what a person or a test asks
for, and is the oracle of the compiled pass; captures as a whole are read by :mod:`netemu.trace`.
"""

from __future__ import annotations

from typing import Any

from netemu.packet.tcp import IcmpError, IpPacket, TcpOptions, TcpSegment

_LINK_LAYERS = {
    0: "Loopback",
    1: "Ether",
    12: "IP",
    101: "IP",
    108: "Loopback",
    113: "CookedLinux",
    276: "CookedLinuxV2",
}


def _scapy() -> Any:
    """``scapy.all`` without its warnings about the machine's interfaces."""
    import logging

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    import scapy.all

    return scapy.all


def dissect(frame: bytes, link_type: int = 1) -> IpPacket | None:
    """The IP packet in ``frame`` (LINKTYPE ``link_type``), or None where Scapy finds none.

    A header that the frame does not hold whole gives None in its place: Scapy alone would fill it with defaults.
    """
    scapy = _scapy()
    layer = _LINK_LAYERS.get(link_type, "Ether")
    if link_type in (12, 101, 228, 229):
        layer = "IPv6" if frame[:1] and frame[0] >> 4 == 6 else "IP"
    packet = getattr(scapy, layer)(frame)
    if scapy.IP in packet:
        return _ipv4(scapy, packet[scapy.IP])
    if scapy.IPv6 in packet:
        return _ipv6(scapy, packet[scapy.IPv6])
    return None


def _ipv4(scapy: Any, ip: Any) -> IpPacket:
    upper = ip.len - 4 * ip.ihl
    later = ip.frag > 0
    return IpPacket(
        version=4,
        source=ip.src,
        destination=ip.dst,
        protocol=ip.proto,
        ip_bytes=ip.len,
        ttl=ip.ttl,
        ecn=ip.tos & 3,
        dont_fragment=bool(ip.flags.DF),
        fragment=bool(ip.flags.MF) or later,
        tcp=_tcp(scapy, ip, upper) if not later else None,
        icmp=_icmp(scapy, ip) if not later else None,
    )


def _ipv6(scapy: Any, ip: Any) -> IpPacket:
    extensions, layer, protocol, fragment, later = 0, ip.payload, ip.nh, False, False
    while layer.name.startswith("IPv6 Extension Header") or layer.name.startswith("PadN"):
        fragment = fragment or isinstance(layer, scapy.IPv6ExtHdrFragment)
        later = later or bool(getattr(layer, "offset", 0))
        extensions += len(layer) - len(layer.payload)
        protocol, layer = layer.nh, layer.payload
    return IpPacket(
        version=6,
        source=ip.src,
        destination=ip.dst,
        protocol=protocol,
        ip_bytes=40 + ip.plen,
        ttl=ip.hlim,
        ecn=ip.tc & 3,
        dont_fragment=True,
        fragment=fragment,
        tcp=_tcp(scapy, ip, ip.plen - extensions) if not later else None,
        icmp=_icmpv6(scapy, ip),
    )


def _tcp(scapy: Any, ip: Any, upper_bytes: int) -> TcpSegment | None:
    if scapy.TCP not in ip or scapy.IPerror in ip or scapy.IPerror6 in ip:
        return None
    tcp = ip[scapy.TCP]
    return TcpSegment(
        source_port=tcp.sport,
        destination_port=tcp.dport,
        seq=tcp.seq,
        ack=tcp.ack,
        flags=int(tcp.flags),
        window=tcp.window,
        payload_bytes=upper_bytes - 4 * tcp.dataofs,
        options=_options(tcp.options),
    )


def _options(options: Any) -> TcpOptions:
    values = {name: value for name, value in options if isinstance(name, str)}
    edges = values.get("SAck") or ()
    stamps = values.get("Timestamp") or (None, None)
    return TcpOptions(
        mss_bytes=values.get("MSS"),
        window_scale=values.get("WScale"),
        sack_permitted="SAckOK" in values,
        sack_blocks=tuple(zip(edges[::2], edges[1::2], strict=False)),
        ts_val=stamps[0],
        ts_ecr=stamps[1],
    )


def _icmp(scapy: Any, ip: Any) -> IcmpError | None:
    if scapy.ICMP not in ip or ip[scapy.ICMP].type not in (3, 4, 5, 11, 12):
        return None
    icmp = ip[scapy.ICMP]
    mtu = icmp.nexthopmtu if (icmp.type, icmp.code) == (3, 4) else None
    quoted = icmp.getlayer(scapy.IPerror)
    return IcmpError(icmp.type, icmp.code, mtu or None, None if quoted is None else _quoted(scapy, quoted, 4))


def _icmpv6(scapy: Any, ip: Any) -> IcmpError | None:
    for layer in (
        scapy.ICMPv6DestUnreach,
        scapy.ICMPv6PacketTooBig,
        scapy.ICMPv6TimeExceeded,
        scapy.ICMPv6ParamProblem,
    ):
        if layer in ip:
            icmp = ip[layer]
            mtu = icmp.mtu if layer is scapy.ICMPv6PacketTooBig else None
            quoted = icmp.getlayer(scapy.IPerror6)
            return IcmpError(icmp.type, icmp.code, mtu, None if quoted is None else _quoted(scapy, quoted, 6))
    return None


def _quoted(scapy: Any, ip: Any, version: int) -> IpPacket:
    error = ip.getlayer(scapy.TCPerror)
    tcp = None if error is None else TcpSegment(error.sport, error.dport, error.seq, 0, 0, 0, 0)
    return IpPacket(
        version=version,
        source=ip.src,
        destination=ip.dst,
        protocol=ip.proto if version == 4 else ip.nh,
        ip_bytes=ip.len if version == 4 else 40 + ip.plen,
        ttl=ip.ttl if version == 4 else ip.hlim,
        ecn=(ip.tos if version == 4 else ip.tc) & 3,
        dont_fragment=version == 6 or bool(ip.flags.DF),
        fragment=False,
        tcp=tcp,
    )


def craft(packet: IpPacket, *, ip_id: int = 0, payload: bytes | None = None) -> bytes:
    """An Ethernet frame that holds ``packet``; lengths follow from its TCP payload (zeros unless given)."""
    scapy = _scapy()
    if packet.version == 4:
        flags = ("DF" if packet.dont_fragment else "") + ("MF" if packet.fragment else "")
        ip = scapy.IP(src=packet.source, dst=packet.destination, ttl=packet.ttl, tos=packet.ecn, id=ip_id, flags=flags)
    else:
        ip = scapy.IPv6(src=packet.source, dst=packet.destination, hlim=packet.ttl, tc=packet.ecn)
    ethernet = scapy.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    if packet.icmp is not None:
        return bytes(ethernet / ip / _craft_icmp(scapy, packet))
    segment = packet.tcp
    if segment is None:
        raise ValueError("only TCP and ICMP errors about TCP are crafted")
    data = bytes(segment.payload_bytes) if payload is None else payload
    return bytes(ethernet / ip / _craft_tcp(scapy, segment) / data)


def _craft_tcp(scapy: Any, segment: TcpSegment) -> Any:
    chosen = segment.options
    options: list[tuple[str, Any]] = []
    if chosen.mss_bytes is not None:
        options.append(("MSS", chosen.mss_bytes))
    if chosen.sack_permitted:
        options.append(("SAckOK", b""))
    if chosen.ts_val is not None:
        options.append(("Timestamp", (chosen.ts_val, chosen.ts_ecr or 0)))
    if chosen.window_scale is not None:
        options.append(("WScale", chosen.window_scale))
    if chosen.sack_blocks:
        options.append(("SAck", tuple(edge for block in chosen.sack_blocks for edge in block)))
    return scapy.TCP(
        sport=segment.source_port,
        dport=segment.destination_port,
        seq=segment.seq,
        ack=segment.ack,
        flags=segment.flags,
        window=segment.window,
        options=options,
    )


def _craft_icmp(scapy: Any, packet: IpPacket) -> Any:
    error = packet.icmp
    if error is None or error.quoted is None:
        raise ValueError("an ICMP error quotes the packet it is about")
    inner = craft(error.quoted)[14:]
    if packet.version == 6:
        return scapy.ICMPv6PacketTooBig(mtu=error.mtu_bytes or 0) / inner[:1232]
    return scapy.ICMP(type=error.type, code=error.code, nexthopmtu=error.mtu_bytes or 0) / inner[:28]
