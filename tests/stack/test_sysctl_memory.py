"""Limits by memory, as tcp_init and udp_init reckon them."""

from __future__ import annotations

from netemu.stack.sysctl import Sysctl
from netemu.stack.sysctl_memory import size_by_memory


def test_a_guest_of_a_gigabyte() -> None:
    sysctl = Sysctl(tcp_rmem=(4096, 131_072, 6 << 20))
    size_by_memory(sysctl, 253_645 * 4096)
    assert sysctl.tcp_rmem == (4096, 131_072, 6_291_456)
    assert sysctl.tcp_wmem == (4096, 16_384, 4_194_304)
    assert sysctl.tcp_mem == (11_889, 15_852, 23_778)
    assert sysctl.udp_mem == (23_778, 31_705, 47_556)


def test_a_small_machine_has_smaller_buffers() -> None:
    sysctl = Sysctl()
    size_by_memory(sysctl, 32 << 20)
    assert sysctl.tcp_rmem[2] == (32 << 20) // 4096 << 5
    assert sysctl.tcp_wmem[2] == (32 << 20) // 4096 << 5
    sysctl = Sysctl()
    size_by_memory(sysctl, 4 << 20)
    assert (sysctl.tcp_mem[1], sysctl.tcp_rmem[2], sysctl.tcp_wmem[2]) == (128, 131_072, 65_536)
