"""What a configuration says a kernel can do."""

from __future__ import annotations

from netemu.kernels.abilities import parse_config
from netemu.kernels.recipe import DATA


def test_modules_count_as_much_as_what_is_built_in() -> None:
    able = parse_config("CONFIG_NET_SCH_NETEM=m\nCONFIG_HZ=100\nCONFIG_TCP_CONG_ADVANCED=y\nCONFIG_TCP_CONG_HSTCP=m\n")
    assert able.netem
    assert not able.virtual_time
    assert not able.tracing
    assert able.tick_hz == 100
    assert able.congestion == ("highspeed", "reno")


def test_our_own_configuration_asks_for_what_experiments_need() -> None:
    able = parse_config((DATA / "uml.config").read_text() + "CONFIG_EVENT_TRACING=y\n")
    assert able.virtual_time
    assert able.netem
    assert {"bbr", "cubic", "dctcp", "reno", "vegas", "westwood"} <= set(able.congestion)
