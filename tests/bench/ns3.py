"""ns-3 beside us: the same bulk transfer, by an interpreter that has ns-3, in a process of its own.

ns-3 is GPL-2.0, so it never enters netemu's environment. ``interpreter()`` makes one below the cache, of Python's venv
and pip, from what is named in :data:`REQUIREMENTS`; it can be removed at any time.
"""

from __future__ import annotations

import json
import subprocess
import sys

from netemu.kernels.store import open_store

REQUIREMENTS = ("ns3==3.44.post0", "cppyy==3.5.0")


def interpreter(given: str | None) -> str:
    """The interpreter ``given``, else one of our own that has ns-3; :class:`SystemExit` says how when there is none."""
    if given is not None:
        return given
    place = open_store().own.parent / "bench" / "ns3"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        print(f"making an environment with {REQUIREMENTS[0]} in {place}", flush=True)
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS],
            [str(python), "-c", "from ns import ns; ns.Simulator"],
        )
        for command in commands:
            done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise SystemExit(
                    f"ns-3 could not be installed ({last}): python3 -m venv DIR && DIR/bin/pip install"
                    f" {' '.join(REQUIREMENTS)}, then --ns3 DIR/bin/python"
                )
        (place / "complete").touch()
    return str(python)


def transfer(python: str, size_bytes: int, rate_bps: int, delay_ns: int, queue_packets: int) -> tuple[float, float]:
    """Seconds of wall and of processor time in which ns-3 simulates one TCP flow of ``size_bytes``."""
    # However a benchmark ends, what it began ends too.
    argv = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        python,
        "-c",
        _PROGRAM,
        str(size_bytes),
        f"{rate_bps}bps",
        f"{delay_ns}ns",
        f"{queue_packets}p",
    ]
    output = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    answer = json.loads(output.splitlines()[-1])
    if answer["received_bytes"] != size_bytes:
        raise SystemExit(f"ns-3 delivered {answer['received_bytes']} bytes of {size_bytes}: it ended before its time")
    return answer["wall_s"], answer["cpu_s"]


_PROGRAM = """
import json, sys, time
from ns import ns
size, rate, delay, queue = sys.argv[1:]
ns.Config.SetDefault("ns3::TcpSocket::SegmentSize", ns.UintegerValue(1448))
ns.Config.SetDefault("ns3::TcpSocket::SndBufSize", ns.UintegerValue(4 << 20))
ns.Config.SetDefault("ns3::TcpSocket::RcvBufSize", ns.UintegerValue(6 << 20))
nodes = ns.NodeContainer()
nodes.Create(2)
link = ns.PointToPointHelper()
link.SetDeviceAttribute("DataRate", ns.StringValue(rate))
link.SetChannelAttribute("Delay", ns.StringValue(delay))
link.SetQueue("ns3::DropTailQueue", "MaxSize", ns.StringValue(queue))
devices = link.Install(nodes)
ns.InternetStackHelper().Install(nodes)
addresses = ns.Ipv4AddressHelper()
addresses.SetBase(ns.Ipv4Address("10.0.0.0"), ns.Ipv4Mask("255.255.255.0"))
interfaces = addresses.Assign(devices)
kind = "ns3::TcpSocketFactory"
sink = ns.PacketSinkHelper(kind, ns.InetSocketAddress(ns.Ipv4Address.GetAny(), 5000).ConvertTo()).Install(nodes.Get(1))
sink.Start(ns.Seconds(0))
sender = ns.BulkSendHelper(kind, ns.InetSocketAddress(interfaces.GetAddress(1), 5000).ConvertTo())
sender.SetAttribute("MaxBytes", ns.UintegerValue(int(size)))
sender.SetAttribute("SendSize", ns.UintegerValue(1448))
sender.Install(nodes.Get(0)).Start(ns.Seconds(0))
wall, cpu = time.perf_counter(), time.process_time()
ns.Simulator.Stop(ns.Seconds(1000))
ns.Simulator.Run()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall_s": wall, "cpu_s": cpu, "received_bytes": int(sink.Get(0).GetTotalRx())}))
"""
