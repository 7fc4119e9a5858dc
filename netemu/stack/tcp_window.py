"""The window that a receiver offers: how much memory it stands for, and when it may move (tcp_output.c, tcp.h).

Memory and window are not the same: ``scaling_ratio`` / 256 of the receive buffer holds payload, the rest is overhead of
the segments that carry it (since 6.6, commit dfa2f0483360; before, tcp_adv_win_scale). Sources are those of Linux 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.sock import ICSK_ACK_NOMEM

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_RMEM_TO_WIN_SCALE = 8
TCP_DEFAULT_SCALING_RATIO = 1 << (TCP_RMEM_TO_WIN_SCALE - 1)
TCP_MAX_WSCALE = 14
_ETHERNET_MSS, _RFC3390_SEGMENTS = 1460, 4
U16_MAX = 0xFFFF
MAX_TCP_WINDOW = 32_767
SOCK_MIN_RCVBUF = 2_304  # TCP_SKB_MIN_TRUESIZE, rounded up to a line of the cache, on 64 bits


def tcp_win_from_space(sk: TcpSock, space: int) -> int:
    """Window bytes that ``space`` bytes of memory may hold (__tcp_win_from_space, include/net/tcp.h)."""
    if sk.net.profile.win_by_scaling_ratio:
        return (space * sk.scaling_ratio) >> TCP_RMEM_TO_WIN_SCALE
    scale = sk.net.sysctl.tcp_adv_win_scale
    return space >> -scale if scale <= 0 else space - (space >> scale)


def tcp_space_from_win(sk: TcpSock, win: int) -> int:
    """Memory that a window of ``win`` bytes needs: the inverse (__tcp_space_from_win)."""
    if sk.net.profile.win_by_scaling_ratio:
        return (win << TCP_RMEM_TO_WIN_SCALE) // sk.scaling_ratio
    scale = sk.net.sysctl.tcp_adv_win_scale
    return win << -scale if scale <= 0 else (win << scale) // ((1 << scale) - 1)


def tcp_space(sk: TcpSock) -> int:
    """Window bytes for which there is memory now; negative when the buffer is overrun."""
    space = sk.sk_rcvbuf - sk.sk_backlog_len - sk.sk_rmem_alloc
    if sk.net.profile.win_by_scaling_ratio:
        return (space * sk.scaling_ratio) >> TCP_RMEM_TO_WIN_SCALE
    return tcp_win_from_space(sk, space)


def tcp_full_space(sk: TcpSock) -> int:
    """Window bytes that an empty receive buffer allows."""
    return tcp_win_from_space(sk, sk.sk_rcvbuf)


def tcp_receive_window(sk: TcpSock) -> int:
    """What is left of the window advertised last: from ``rcv_nxt`` to its right edge."""
    win = sk.rcv_wup + sk.rcv_wnd - sk.rcv_nxt
    return win if win > 0 else 0


def tcp_max_receive_window(sk: TcpSock) -> int:
    """From ``rcv_nxt`` to the furthest right edge that was ever advertised (7.1; before, the window itself)."""
    if not sk.net.profile.max_window_remembered:
        return tcp_receive_window(sk)
    win = sk.rcv_mwnd_seq - sk.rcv_nxt
    return win if win > 0 else 0


def tcp_update_max_rcv_wnd_seq(sk: TcpSock) -> None:
    """Remember the right edge if it is a new furthest one."""
    edge = sk.rcv_wup + sk.rcv_wnd
    sk.rcv_mwnd_seq = max(sk.rcv_mwnd_seq, edge)


def tcp_under_memory_pressure(sk: TcpSock) -> bool:
    """Whether TCP as a whole uses more than tcp_mem[1] (and has not yet fallen below tcp_mem[0])."""
    return sk.net.tcp_memory_pressure != 0


def tcp_adjust_rcv_ssthresh(sk: TcpSock) -> None:
    """Under pressure: a window of four segments at most."""
    sk.rcv_ssthresh = min(sk.rcv_ssthresh, 4 * sk.advmss)


def tcp_select_initial_window(
    sk: TcpSock, space: int, mss: int, window_clamp: int, wscale_ok: bool
) -> tuple[int, int, int]:
    """The window of a SYN or SYN-ACK: ``(rcv_wnd, window_clamp, rcv_wscale)``.

    ``space``: tcp_full_space of the socket. Up to 4.19 a first window was for a few segments only; since, only where a
    route says so (RTAX_INITRWND).
    """
    net = sk.net
    if window_clamp == 0:
        window_clamp = U16_MAX << TCP_MAX_WSCALE
    space = min(window_clamp, max(space, 0))
    if space > mss:
        space -= space % mss
    rcv_wnd = min(space, MAX_TCP_WINDOW) if net.sysctl.tcp_workaround_signed_windows else space
    if not net.profile.first_window_beyond_16_bits:
        rcv_wnd = min(rcv_wnd, U16_MAX)
    rcv_wscale = 0
    if wscale_ok:
        space = min(max(space, net.sysctl.tcp_rmem[2], net.sysctl.core_rmem_max), window_clamp)
        rcv_wscale = min(max(space.bit_length() - 1 - 15, 0), TCP_MAX_WSCALE)
    if net.profile.init_rcv_wnd and mss > 1 << rcv_wscale:
        rcv_wnd = min(rcv_wnd, _init_segments(net.profile.init_rcv_wnd, mss) * mss)
    return rcv_wnd, min(U16_MAX << rcv_wscale, window_clamp), rcv_wscale


def _init_segments(most: int, mss: int) -> int:
    """For how many segments a first window was: ten, fewer of more than 1460 bytes; before 2.6.38 two to four."""
    if mss <= _ETHERNET_MSS:
        return most
    if most <= _RFC3390_SEGMENTS:
        return 2 if mss > 3 * _ETHERNET_MSS else 3
    return max(_ETHERNET_MSS * most // mss, 2)


def tcp_select_window(sk: TcpSock) -> int:
    """The window field of the segment that is about to leave; remembers what it promises.

    A window that was offered is not taken back (RFC 9293 section 3.8.6), unless net.ipv4.tcp_shrink_window says so.
    """
    net, old_win = sk.net, sk.rcv_wnd
    if sk.ack_pending & ICSK_ACK_NOMEM and net.profile.zero_window_without_memory:
        sk.pred_flags = 0
        sk.rcv_wnd = 0
        sk.rcv_wup = sk.rcv_nxt
        tcp_update_max_rcv_wnd_seq(sk)
        return 0
    wscale, rcv_nxt = sk.rcv_wscale, sk.rcv_nxt
    cur_win = sk.rcv_wup + old_win - rcv_nxt
    new_win = __tcp_select_window(sk)
    if new_win < cur_win and not (net.sysctl.tcp_shrink_window and wscale):
        if new_win == 0:
            net.mib.inc("TCPWantZeroWindowAdv")
        new_win = _align(cur_win, wscale)
    sk.rcv_wnd = new_win
    sk.rcv_wup = rcv_nxt
    sk.rcv_mwnd_seq = max(sk.rcv_mwnd_seq, rcv_nxt + new_win)
    if not wscale and net.sysctl.tcp_workaround_signed_windows:
        new_win = min(new_win, MAX_TCP_WINDOW)
    else:
        new_win = min(new_win, U16_MAX << wscale)
    new_win >>= wscale
    if new_win == 0:
        sk.pred_flags = 0
        if old_win:
            net.mib.inc("TCPToZeroWindowAdv")
    elif old_win == 0:
        net.mib.inc("TCPFromZeroWindowAdv")
    return new_win


def _align(value: int, shift: int) -> int:
    """Rounded up to what a scaled field can say."""
    unit = 1 << shift
    return (value + unit - 1) & -unit


def __tcp_select_window(sk: TcpSock) -> int:
    """How large a window the receiver wants to offer now; 0 rather than a silly one (RFC 1122 section 4.2.3.3)."""
    mss, net, rcvbuf = sk.ack_rcv_mss, sk.net, sk.sk_rcvbuf
    if net.profile.win_by_scaling_ratio:
        ratio = sk.scaling_ratio
        free_space = (rcvbuf - sk.sk_backlog_len - sk.sk_rmem_alloc) * ratio >> TCP_RMEM_TO_WIN_SCALE
        allowed_space = rcvbuf * ratio >> TCP_RMEM_TO_WIN_SCALE
    else:
        free_space, allowed_space = tcp_space(sk), tcp_full_space(sk)
    full_space = min(sk.window_clamp, allowed_space)
    if mss > full_space:
        mss = full_space
        if mss <= 0:
            return 0
    wscale = sk.rcv_wscale
    if wscale and net.sysctl.tcp_shrink_window:
        return _shrinking_window(sk, free_space, full_space, allowed_space, mss)
    if free_space < full_space >> 1:
        sk.ack_quick = 0
        if tcp_under_memory_pressure(sk):
            tcp_adjust_rcv_ssthresh(sk)
        free_space &= -(1 << wscale)
        if free_space < allowed_space >> 4 or free_space < mss:
            return 0
    free_space = min(free_space, sk.rcv_ssthresh)
    if wscale:
        unit = 1 << wscale
        return (free_space + unit - 1) & -unit
    return _in_segments(sk.rcv_wnd, free_space, full_space, mss)


def _in_segments(window: int, free_space: int, full_space: int, mss: int) -> int:
    """The window without scaling."""
    # Without scaling the window moves in whole segments, and not for less than one.
    if window <= free_space - mss or window > free_space:
        return free_space - free_space % mss
    if mss == full_space and free_space > window + (full_space >> 1):
        return free_space
    return window


def _shrinking_window(sk: TcpSock, free_space: int, full_space: int, allowed_space: int, mss: int) -> int:
    """The window where shrinking is allowed: always what memory allows now, in whole units of the scale."""
    unit = 1 << sk.rcv_wscale
    free_space &= -unit
    if free_space < full_space >> 1:
        sk.ack_quick = 0
        if tcp_under_memory_pressure(sk):
            tcp_adjust_rcv_ssthresh(sk)
        if free_space < allowed_space >> 4 or free_space < mss or free_space < unit:
            return 0
    if free_space > sk.rcv_ssthresh:
        free_space = _align(sk.rcv_ssthresh, sk.rcv_wscale)
    return free_space


def tcp_set_window_clamp(sk: TcpSock, val: int) -> None:
    """TCP_WINDOW_CLAMP with a value above 0 (tcp_set_window_clamp, net/ipv4/tcp.c)."""
    old = sk.window_clamp
    new = max(SOCK_MIN_RCVBUF // 2, val)
    if new == old:
        return
    sk.window_clamp = new
    if not sk.net.profile.window_clamp_moves_ssthresh:
        return
    if new < old:
        sk.rcv_ssthresh = min(sk.rcv_ssthresh, new)
    else:
        sk.rcv_ssthresh = max(min(sk.rcv_wnd, new), sk.rcv_ssthresh)
