"""The host's counters by the kernel's own names (net/ipv4/proc.c, net/ipv6/proc.c), as ``nstat`` shows them.

Names of the groups ``Tcp`` and ``TcpExt`` are given bare (``RetransSegs``, ``TCPLossProbes``): no two of them are
alike. All others carry their group's name (``IpInReceives``, ``UdpInErrors``, ``Ip6OutRequests``).
"""

from __future__ import annotations

_TCP = (
    "ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors"
)
_TCP_EXT = """
SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned OutOfWindowIcmps
LockDroppedIcmps TW TWRecycled TWKilled PAWSActive PAWSEstab BeyondWindow TSEcrRejected PAWSOldAck PAWSTimewait
DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery
TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo
TCPLossUndo TCPLostRetransmit TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPSlowStartRetrans
TCPTimeouts TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed
TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData TCPAbortOnClose
TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono
TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPSackShifted TCPSackMerged
TCPSackShiftFallback TCPBacklogDrop TCPMinTTLDrop TCPDeferAcceptDrop TCPTimeWaitOverflow TCPReqQFullDoCookies
TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop TCPOFOMerge TCPChallengeACK TCPSYNChallenge
TCPFastOpenActive TCPFastOpenActiveFail TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow
TCPFastOpenCookieReqd TCPFastOpenPassiveAltKey TCPFastOpenBlackhole TCPSpuriousRtxHostQueues TCPAutoCorking
TCPFromZeroWindowAdv TCPToZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect
TCPHystartTrainCwnd TCPHystartDelayDetect TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq
TCPACKSkippedFinWait2 TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail TCPMTUPSuccess
TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop TCPWqueueTooBig TcpTimeoutRehash
TcpDuplicateDataRehash TCPDSACKRecvSegs TCPDSACKIgnoredDubious TCPPLBRehash
"""
_IP = """
InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards
OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits
"""
_IP_EXT = "InNoRoutes InTruncatedPkts InOctets OutOctets InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps"
_IP6 = """
InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards InDelivers
OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails
FragCreates InOctets OutOctets InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts OutTransmits
"""
_ICMP = """
InMsgs InErrors InDestUnreachs InTimeExcds InParmProbs InEchos InEchoReps OutMsgs OutErrors OutRateLimitGlobal
OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutEchos OutEchoReps
"""
_ICMP6 = """
InMsgs InErrors InDestUnreachs InPktTooBigs InTimeExcds InParmProblems InEchos InEchoReplies OutMsgs OutErrors
OutRateLimitHost OutDestUnreachs OutPktTooBigs OutTimeExcds OutParmProblems OutEchos OutEchoReplies
"""
_UDP = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors"

_GROUPS = (
    ("Tcp", "", _TCP),
    ("TcpExt", "", _TCP_EXT),
    ("Ip", "Ip", _IP),
    ("IpExt", "IpExt", _IP_EXT),
    ("Ip6", "Ip6", _IP6),
    ("Icmp", "Icmp", _ICMP),
    ("Icmp6", "Icmp6", _ICMP6),
    ("Udp", "Udp", _UDP),
    ("Udp6", "Udp6", _UDP),
)


_PREQUEUE = ("TcpExt", "", "TCPPrequeued TCPPrequeueDropped TCPSchedulerFailed")
"""What kernels before 4.14 count, too."""


class Mib:
    """Counters that only grow, but for ``CurrEstab``. A name that the kernel has not is a KeyError.

    ``counts``: for hot paths, which add to it themselves. ``prequeue``: the era has one, and its counters.
    """

    __slots__ = ("_groups", "counts")

    def __init__(self, *, prequeue: bool = False) -> None:
        self._groups = (*_GROUPS, _PREQUEUE) if prequeue else _GROUPS
        self.counts = {short + name: 0 for _, short, names in self._groups for name in names.split()}

    def inc(self, name: str, count: int = 1) -> None:
        """NET_INC_STATS, NET_ADD_STATS and their like."""
        self.counts[name] += count

    def __getitem__(self, name: str) -> int:
        return self.counts[name]

    def by_name(self) -> dict[str, int]:
        """All of them by nstat's names: ``TcpRetransSegs``, ``TcpExtTCPLossProbes``."""
        counts = self.counts
        return {group + name: counts[short + name] for group, short, names in self._groups for name in names.split()}
