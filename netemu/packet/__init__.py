"""Segments, TCP options and ICMP as data; the one module that imports Scapy is ``scapy_io``."""

from netemu.packet.tcp import IcmpError, IpPacket, TcpOptions, TcpSegment, flag_names

__all__ = ["IcmpError", "IpPacket", "TcpOptions", "TcpSegment", "flag_names"]
