"""Offloads of a veth are on, then off, as ethtool sees it too."""

from __future__ import annotations

import subprocess

import pytest

from netemu.errors import MissingCapability
from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.offloads import active_offloads, feature_names, is_offload, offloads_off


@pytest.mark.lab
def test_offloads_go_off_and_read_back_as_ethtool_says() -> None:
    with Namespace("n") as namespace:
        end = rtnetlink.VethEnd(namespace.fd, 5, "v0", "02:00:00:00:00:01", 1500)
        peer = rtnetlink.VethEnd(namespace.fd, 6, "v1", "02:00:00:00:00:02", 1500)
        namespace.netlink.execute([rtnetlink.new_veth(end, peer)])
        assert "tx-tcp-segmentation" in active_offloads(namespace.ioctl_socket, "v0")
        offloads_off(namespace.ioctl_socket, "v0")
        assert active_offloads(namespace.ioctl_socket, "v0") == ()
        shown = namespace.popen(["ethtool", "-k", "v0"], stdout=subprocess.PIPE, text=True).communicate()[0]
        for feature in (
            "tcp-segmentation-offload",
            "generic-segmentation-offload",
            "generic-receive-offload",
            "tx-checksumming",
            "scatter-gather",
        ):
            assert f"{feature}: off" in shown
        assert "tx-tcp-segmentation" in feature_names(namespace.ioctl_socket, "v0")


@pytest.mark.parametrize("name", ["tx-tcp-accecn-segmentation", "rx-gro-list", "tx-checksum-ip-generic", "rx-lro"])
def test_features_that_change_what_a_packet_is_are_offloads(name: str) -> None:
    assert is_offload(name)


@pytest.mark.parametrize("name", ["rx-vlan-hw-parse", "highdma", "tx-nocache-copy", "loopback"])
def test_other_features_are_left_alone(name: str) -> None:
    assert not is_offload(name)


@pytest.mark.lab
def test_an_unknown_interface_is_named() -> None:
    with Namespace("n") as namespace, pytest.raises(MissingCapability, match="nosuch: the kernel refuses"):
        offloads_off(namespace.ioctl_socket, "nosuch")
