"""Numbers of IP that several files need (include/uapi/linux/in.h, include/net/ip.h): a leaf."""

from __future__ import annotations

IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE = 0, 1, 2, 3
IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT = 4, 5
IPV4_HEADER, IPV6_HEADER, IPV6_FRAGMENT_HEADER = 20, 40, 8
IPV6_HOP_LIMIT = 64
