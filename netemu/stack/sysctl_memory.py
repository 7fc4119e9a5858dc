"""Sysctls whose defaults depend on how much memory the host has (tcp_init, tcp_init_mem, udp_init of net/ipv4)."""

from __future__ import annotations

from netemu.stack.sysctl import Sysctl

PAGE_SIZE = 4096


def size_by_memory(sysctl: Sysctl, memory_bytes: int) -> None:
    """Set them as the kernel does at boot with ``memory_bytes`` of free low memory (nr_free_buffer_pages)."""
    pages = memory_bytes // PAGE_SIZE
    limit = max(pages // 16, 128)
    sysctl.tcp_mem = (limit // 4 * 3, limit, limit // 4 * 3 * 2)
    limit = max(pages // 8, 128)
    sysctl.udp_mem = (limit // 4 * 3, limit, limit // 4 * 3 * 2)
    share = pages << 5
    least, first, most = sysctl.tcp_wmem
    sysctl.tcp_wmem = (least, first, max(64 * 1024, min(most, share)))
    least, first, most = sysctl.tcp_rmem
    sysctl.tcp_rmem = (least, first, max(first, min(most, share)))
