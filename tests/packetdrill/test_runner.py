"""Scripts of our own against a model: what passes, and that what is wrong does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packetdrill.runner import run_file
from tests.packetdrill.settings import VERSIONS, Settings
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError

SERVER = """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.02 < S 700:700(0) win 30000 <mss 1200,sackOK,nop,nop,nop,wscale 5>
+0 > S. 0:0(0) ack 701 <...>
+.03 < . 1:1(0) ack 1 win 900
+0 accept(3, ..., ...) = 4
"""
"""Eight lines; the next one is line 9."""


def run(tmp_path: Path, text: str, version: str = "ipv4") -> None:
    path = tmp_path / "one.pkt"
    path.write_text(text)
    run_file(path, Settings(version), "linux-7")


def mismatch(tmp_path: Path, text: str) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        run(tmp_path, text)
    return caught.value


@pytest.mark.parametrize("version", VERSIONS)
def test_a_connection_from_both_ends(tmp_path: Path, version: str) -> None:
    run(tmp_path, SERVER + """+0 write(4, ..., 300) = 300
+0 > P. 1:301(300) ack 1
+.01 < P. 1:51(50) ack 301 win 900
+0 > . 301:301(0) ack 51
+0 read(4, ..., 100) = 50
+0 close(4) = 0
+0 > F. 301:301(0) ack 51
""", version)  # fmt: skip
    run(tmp_path, """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
+0...0.040 connect(5, ..., ...) = 0
+0 > S 0:0(0) <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7>
+.04 < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK,TS val 3 ecr 7,nop,wscale 0>
+0 > . 1:1(0) ack 1 <nop,nop,TS val 47 ecr 3>
+0 getsockopt(5, SOL_TCP, TCP_MAXSEG, [988], [4]) = 0
+0 %{ assert tcpi_snd_mss == 988 and tcpi_options & TCPI_OPT_TIMESTAMPS }%
""", version)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+0 > P. 1:301(300) ack 2", "(ack)"),
        ("+0 > . 1:301(300) ack 1", "(flags)"),
        ("+0 > P. 1:302(301) ack 1", "(not the next bytes)"),
        ("+0 > P. 2:302(300) ack 1", "(sequence numbers)"),
        ("+0 > P. 1:301(300) ack 1 win 1", "(win)"),
        ("+0 > P. 1:301(300) ack 1 <nop,nop,TS val 1 ecr 1>", "(options)"),
        ("+0 > [ect0] P. 1:301(300) ack 1", "(ECN 0)"),
        ("+.2 > P. 1:301(300) ack 1", "it at 0.050000"),
        ("+0 %{ assert tcpi_unacked == 2 }%", "tcpi_unacked = 1"),
        ("+0 read(4, ..., 1) = 1", "-1 ETIMEDOUT"),
        ("+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0", "the value 0, not 1"),
        ("+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 1) = -1 EPIPE (pipe)", "-1 EAGAIN"),
    ],
)
def test_what_the_host_does_not_do_is_told_with_line_and_values(tmp_path: Path, line: str, expected: str) -> None:
    found = mismatch(tmp_path, SERVER + f"+0 write(4, ..., 300) = 300\n{line}\n")
    assert found.line == 10 + line.count("\n")
    assert expected in found.got


def test_a_super_segment_may_leave_as_several(tmp_path: Path) -> None:
    script = SERVER + "+0 write(4, ..., 6000) = 6000\n+0 > P. 1:6001(6000) ack 1\n"
    run(tmp_path, script)
    run(tmp_path, "`ethtool -K tun0 tso off gso off`\n" + script)
    with pytest.raises(Mismatch):
        run(tmp_path, "--strict_segments\n`ethtool -K tun0 tso off gso off`\n" + script)


def test_a_call_that_blocks_returns_in_its_time(tmp_path: Path) -> None:
    blocks = SERVER + "+0...0.100 read(4, ..., 10) = 5\n+.1 < P. 1:6(5) ack 1 win 900\n+0 > . 1:1(0) ack 6\n"
    run(tmp_path, blocks)
    found = mismatch(tmp_path, blocks.replace("0.100", "0.200"))
    assert (found.line, found.got) == (9, "0.150000")
    assert mismatch(tmp_path, SERVER + "+0...0.1 read(4, ..., 10) = 5\n").got == "nothing"


def test_retransmissions_come_in_ranges_of_time_or_at_any(tmp_path: Path) -> None:
    lost = SERVER + "+0 write(4, ..., 300) = 300\n+0 > P. 1:301(300) ack 1\n"
    run(tmp_path, lost + "+.05~+.3 > P. 1:301(300) ack 1\n* > P. 1:301(300) ack 1\n")
    assert mismatch(tmp_path, lost + "+4~+5 > P. 1:301(300) ack 1\n").line == 11


def test_poll_and_epoll(tmp_path: Path) -> None:
    run(tmp_path, SERVER + """+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
+0 epoll_create(1) = 6
+0 epoll_ctl(6, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0
+0...0.1 epoll_wait(6, {events=EPOLLIN, fd=4}, 1, 500) = 1
+.1 < P. 1:6(5) ack 1 win 900
+0 > . 1:1(0) ack 6
""")  # fmt: skip
    found = mismatch(tmp_path, SERVER + "+0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1\n")
    assert found.got == "0"


def test_vectors_and_messages(tmp_path: Path) -> None:
    run(tmp_path, SERVER + """+0 writev(4, [{..., 10}, {..., 20}], 2) = 30
+0 > P. 1:31(30) ack 1
+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}, MSG_MORE) = 40
+.01 < . 1:1(0) ack 31 win 900
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+0 > . 31:71(40) ack 1
""")  # fmt: skip


def test_how_much_waits_is_told_beside_the_data(tmp_path: Path) -> None:
    script = (
        SERVER
        + """+0 setsockopt(4, SOL_TCP, TCP_INQ, [1], 4) = 0
+.01 < P. 1:101(100) ack 1 win 900
+0 > . 1:1(0) ack 101
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 30}], msg_flags=0,
   msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=70}]}, 0) = 30
+0 ioctl(4, SIOCINQ, [70]) = 0
"""
    )
    run(tmp_path, script)
    assert "control messages" in mismatch(tmp_path, script.replace("cmsg_data=70", "cmsg_data=71")).got
    assert mismatch(tmp_path, script.replace("[70]", "[69]")).got == "the value 70, not 69"


def test_null_pointers_are_no_memory(tmp_path: Path) -> None:
    run(tmp_path, SERVER + """+0 write(4, 0, 10) = -1 EFAULT (Bad address)
+.01 < P. 1:6(5) ack 1 win 900
+0 > . 1:1(0) ack 6
+0 read(4, 0, 10) = -1 EFAULT (Bad address)
+0 read(4, ..., 10) = 5
""")  # fmt: skip


def test_counters_are_asserted(tmp_path: Path) -> None:
    script = (
        SERVER
        + """+0 `nstat -n`
+0 < P. 5:6(1) ack 1 win 900
+0 > . 1:1(0) ack 1 <nop,nop,sack 5:6>
+0 `nstat|grep TcpExtTCPOFOQueue | grep -q " 1 "`
"""
    )
    run(tmp_path, script)
    assert mismatch(tmp_path, script.replace('" 1 "', '" 2 "')).line == 12


def test_connecting_to_nobody_undoes_a_connection(tmp_path: Path) -> None:
    run(tmp_path, SERVER + """+0 connect(4, AF_UNSPEC, ...) = 0
+0 > R. 1:1(0) ack 1
+0 write(4, ..., 10) = -1 ECONNRESET (it was connected)
+0 write(4, ..., 10) = -1 EPIPE (it is not)
""")  # fmt: skip


@pytest.mark.parametrize(
    ("version", "message"),
    [("ipv4", "unreachable frag_needed mtu 800"), ("ipv6", "packet_too_big mtu 1300")],
)
def test_an_icmp_error_reaches_the_connection(tmp_path: Path, version: str, message: str) -> None:
    run(tmp_path, SERVER + f"""+0 write(4, ..., 1200) = 1200
+0 > P. 1:1201(1200) ack 1
+0 %{{ before = tcpi_snd_mss }}%
+0 < icmp {message} [1:1201(1200)]
+0 %{{ assert tcpi_snd_mss <= before }}%
""", version)  # fmt: skip


@pytest.mark.parametrize(("asked", "given"), [("FO", "FO TFO_COOKIE,nop,nop"), ("FOEXP,nop,nop", "FOEXP TFO_COOKIE")])
def test_a_cookie_of_fast_open_is_asked_for(tmp_path: Path, asked: str, given: str) -> None:
    run(tmp_path, f"""`sysctl -q net.ipv4.tcp_fastopen=1538
sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 `sysctl -q net.ipv4.tcp_fastopen=2`
+0 < S 0:0(0) win 9000 <mss 1000,sackOK,{asked}>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,{given}>
""")  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_accurate_ecn_counts_each_mark(tmp_path: Path, version: str) -> None:
    run(tmp_path, """`sysctl -q net.ipv4.tcp_ecn=3
sysctl -q net.ipv4.tcp_ecn_option=2`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < [noecn] SEWA 0:0(0) win 9000 <mss 1000,nop,nop,sackOK,nop,wscale 7>
+0 > [noecn] SW. 0:0(0) ack 1 <mss 1460,ECN e1b 1 ceb 0 e0b 1,nop,nop,nop,sackOK,nop,wscale 7>
+.01 < [ect0] W. 1:1(0) ack 1 win 256 <ECN e1b 1 ceb 0 e0b 1,nop>
+0 accept(3, ..., ...) = 4
+0 %{ assert (tcpi_ecn_mode, tcpi_accecn_opt_seen, tcpi_accecn_fail_mode) == (2, 2, 0) }%
+0 < [ce] P5. 1:1001(1000) ack 1 win 256 <ECN e1b 1 ceb 0 e0b 1,nop>
+0 > [ect0] .6 1:1(0) ack 1001 <ECN e1b 1 ceb 1000 e0b 1,nop>
+0 %{ assert (tcpi_received_ce, tcpi_received_ce_bytes) == (1, 1000) }%
+0 write(4, ..., 500) = 500
+0 > [ect0] P.6 1:501(500) ack 1001 <ECN e1b 1 ceb 1000 e0b 1,nop>
+.01 < [ect0] .6 1001:1001(0) ack 501 win 256 <ECN e1b 1 ceb 500 e0b 1,nop>
+0 %{ assert (tcpi_delivered_ce, tcpi_delivered_ce_bytes) == (1, 500) }%
""", version)  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_fast_open_from_both_ends(tmp_path: Path, version: str) -> None:
    run(tmp_path, """`sysctl -q net.ipv4.tcp_fastopen=3
sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0
+0 listen(3, 5) = 0
+0 < S 100:600(500) win 9000 <mss 1000,sackOK,FO TFO_COOKIE>
+0 > S. 0:0(0) ack 601 <mss 1460,nop,nop,sackOK>
+0 accept(3, ..., ...) = 4
+0 %{ assert tcpi_options & TCPI_OPT_SYN_DATA != 0, tcpi_options }%
+0 read(4, ..., 1000) = 500
+0 write(4, ..., 300) = 300
+0 > P. 1:301(300) ack 501
+.03 < . 501:501(0) ack 301 win 9000
""", version)  # fmt: skip
    run(tmp_path, """`sysctl -q net.ipv4.tcp_timestamps=0`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 sendto(3, ..., 500, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO,nop,nop>
+.01 < S. 0:0(0) ack 1 win 9000 <mss 1400,nop,nop,sackOK,FO 1122334455667788,nop,nop>
+0 > . 1:1(0) ack 1
+0 close(3) = 0
+0 > F. 1:1(0) ack 1
+.01 < F. 1:1(0) ack 2 win 9000
+0 > . 2:2(0) ack 2
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
+0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
+0 connect(4, ..., ...) = 0
+0...0.010 write(4, ..., 500) = 500
+0 > S 0:500(500) <mss 1460,nop,nop,sackOK,nop,wscale 7,FO 1122334455667788,nop,nop>
+.01 < S. 0:0(0) ack 501 win 9000 <mss 1400,nop,nop,sackOK>
+0 > . 501:501(0) ack 1
""", version)  # fmt: skip


def test_a_segment_for_nobody_is_reset(tmp_path: Path) -> None:
    run(tmp_path, "0 < S 0:0(0) win 100 <mss 500>\n+0 > R. 0:0(0) ack 1\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("+0 < S 0:0(0) win 9 <mss 1000,md5 00,nop,nop>", "TCP MD5 signatures"),
        ("+0 setsockopt(3, SOL_TCP, TCP_MD5SIG, [1], 4) = 0", "TCP MD5 signatures"),
        ("+0 writev(4, [{0, 10}], 1) = 10", "a null pointer in a vector of buffers"),
        ('+0 setsockopt(4, SOL_TCP, TCP_CONGESTION, "vegas", 5) = 0', "the option TCP_CONGESTION vegas"),
        ("+0 setsockopt(4, SOL_SOCKET, SO_BROADCAST, [1], 4) = 0", "the option SO_BROADCAST"),
        ("+0 tee(4) = 0", "tee()"),
        ("+0 `reboot`", "command `reboot`"),
        ("+0 > udp (100)", "UDP packets"),
    ],
)
def test_what_the_models_leave_out_is_not_applicable(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(NotApplicable) as caught:
        run(tmp_path, SERVER + line + "\n")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "line",
    [
        "+0 close(9) = 0",
        "+0 close(4) = 0\n+0 %{ assert tcpi_unacked == 0 }%",
        "+0 < . 1:1(0) ack 1 win 9 <nop>",
        "+0 < . 1:1(0) ack 1 win 9 <nop,nop,TS val 1 ecr 9>",
    ],
)
def test_mistakes_of_a_script_are_its_own(tmp_path: Path, line: str) -> None:
    with pytest.raises(ScriptError):
        run(tmp_path, SERVER + line + "\n")
