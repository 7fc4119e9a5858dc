"""Mininet's nodes, interfaces and links without a shell: made and configured by netlink, same methods for scripts.

A plain Mininet host is a bash in a namespace, and every setting a line typed into it. Here a node is a namespace held
by file descriptor; its shell starts only when somebody calls ``cmd()``, or asks for ``pid``.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from typing import Any

from mininet.link import Intf, Link
from mininet.net import Mininet
from mininet.node import Host, Node, Switch

from netemu.lab.namespace import Namespace
from netemu.specs import Plan
from netemu.topology.wiring import Port, Wiring


class _NamespaceNode(Node):  # type: ignore[misc]
    """What host, router and switch have in common; ``namespace`` is a parameter of ``addHost``/``addSwitch``."""

    _shell_pid: int | None = None
    inNamespace: bool

    def __init__(self, name: str, *, namespace: Namespace, **params: Any) -> None:
        self.namespace = namespace
        self._constructed = False
        super().__init__(name, **params)
        self._constructed = True

    @classmethod
    def setup(cls) -> None:
        """Nothing to check: mnexec and ifconfig are needed by a lazily started shell alone, which says so itself."""

    def startShell(self, mnopts: str | None = None) -> None:
        """Start Mininet's shell inside the namespace; the constructor's call to this starts none."""
        if not self._constructed:
            return
        # Mininet's own opens a new namespace where inNamespace is true: this shell must enter the one there is.
        in_namespace, self.inNamespace = self.inNamespace, False
        try:
            with self.namespace.entered():
                super().startShell(mnopts)
        finally:
            self.inNamespace = in_namespace

    @property
    def pid(self) -> int | None:
        """A process inside the namespace (for ``nsenter -t``): the shell's, which is started if there is none."""
        if self._constructed and self._shell_pid is None and self.namespace.fd >= 0:
            self.startShell()
        return self._shell_pid

    @pid.setter
    def pid(self, value: int | None) -> None:
        self._shell_pid = value

    def _ensure_shell(self) -> None:
        if self.shell is None and self.namespace.fd >= 0:
            self.startShell()

    def cmd(self, *args: Any, **kwargs: Any) -> Any:
        """Mininet's ``cmd``: a line for the shell, which is started now if there is none."""
        self._ensure_shell()
        return super().cmd(*args, **kwargs)

    def sendCmd(self, *args: Any, **kwargs: Any) -> Any:
        """Mininet's ``sendCmd``; starts the shell if there is none."""
        self._ensure_shell()
        return super().sendCmd(*args, **kwargs)

    def popen(self, *args: Any, **kwargs: Any) -> subprocess.Popen[Any]:
        """Mininet's ``popen``: words, one list or one text (split at spaces); ``shell=True`` is refused."""
        words = args[0] if len(args) == 1 else list(args)
        argv = words.split() if isinstance(words, str) else [str(word) for word in words]
        kwargs.pop("mncmd", None)
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
        return self.namespace.popen(argv, **options)

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing: the lab has configured the node by netlink."""
        return {}

    def terminate(self) -> None:
        """End the shell, if one was started, and let go of the namespace."""
        super().terminate()
        self._shell_pid = None
        self.namespace.close()

    def __repr__(self) -> str:
        """As Mininet's, but without asking for ``pid``, which would start a shell."""
        return f"<{type(self).__name__} {self.name}: {','.join(f'{i.name}:{i.IP()}' for i in self.intfList())}>"


class LabHost(_NamespaceNode, Host):  # type: ignore[misc]
    """A host or a router of the plan."""


class BridgeSwitch(_NamespaceNode, Switch):  # type: ignore[misc]
    """A Linux bridge ``br0`` in its own namespace: no spanning tree, no multicast snooping, static forwarding table."""

    controlIntf = None

    def start(self, controllers: Any) -> None:
        """Nothing to start: the bridge is there since the network was built."""

    def stop(self, deleteIntfs: bool = True) -> None:
        """Nothing to delete one by one: interfaces go with their namespaces."""


class LabIntf(Intf):  # type: ignore[misc]
    """An interface whose address and MAC were set when it was made."""

    def __init__(self, *args: Any, lab_port: Port, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if lab_port.ipv4 is not None:
            address, _, prefix = lab_port.ipv4.partition("/")
            self.ip, self.prefixLen = address, int(prefix)
        self.mac = lab_port.mac

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing: the lab has configured the interface by netlink."""
        return {}


class WireLink(Link):  # type: ignore[misc]
    """A link of the plan: two interfaces whose peers lie in the wire's namespace."""

    def __init__(self, node1: Any, node2: Any, *, port_a: Port, port_b: Port, **params: Any) -> None:
        super().__init__(
            node1,
            node2,
            port1=_port_number(port_a.interface, node1),
            port2=_port_number(port_b.interface, node2),
            intfName1=port_a.interface,
            intfName2=port_b.interface,
            addr1=port_a.mac,
            addr2=port_b.mac,
            params1={"lab_port": port_a},
            params2={"lab_port": port_b},
            cls1=LabIntf,
            cls2=LabIntf,
            intf=params.get("intf"),
        )

    @classmethod
    def makeIntfPair(cls, *_args: Any, **_kwargs: Any) -> None:
        """Nothing: the pairs of all links are made in one netlink batch."""

    def stop(self) -> None:
        """Nothing to delete one by one: interfaces go with their namespaces."""


def _port_number(interface: str, node: Any) -> int:
    match = re.search(r"-eth(\d+)$", interface)
    number = None if match is None else int(match[1])
    return int(node.newPort()) if number is None or number in node.intfs else number


class LabMininet(Mininet):  # type: ignore[misc]
    """Mininet without a controller, and without its constructor's changes to the machine's global sysctls."""

    def __init__(self, **params: Any) -> None:
        # Mininet.init() would raise net.core.rmem_max, tcp_rmem and others for the whole machine, and it is called by
        # the class's name, so that overriding it has no effect: it only leaves alone what it believes to be done.
        before, Mininet.inited = Mininet.inited, True
        try:
            super().__init__(**params)
        finally:
            Mininet.inited = before


def mininet_of(plan: Plan, wiring: Wiring, namespaces: Mapping[str, Namespace]) -> LabMininet:
    """Mininet's view of the network of ``plan``, whose nodes lie in ``namespaces`` and are configured already."""
    mininet = LabMininet(controller=None, link=WireLink, intf=LabIntf, build=False)
    for node in plan.nodes:
        namespace = namespaces[node.name]
        if node.role == "switch":
            dpid = f"{1 + len(mininet.switches):x}"
            mininet.addSwitch(node.name, cls=BridgeSwitch, namespace=namespace, inNamespace=True, dpid=dpid)
        else:
            mininet.addHost(node.name, cls=LabHost, namespace=namespace, ip=None)
    for link in plan.links:
        port_a, port_b = wiring.port(link, "a"), wiring.port(link, "b")
        mininet.addLink(port_a.node, port_b.node, port_a=port_a, port_b=port_b)
    return mininet
