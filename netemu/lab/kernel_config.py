"""The configuration that the running kernel was built with, as far as it shapes a run."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from pathlib import Path
from typing import Any

_SHAPES_A_RUN = re.compile(
    r"^CONFIG_((HZ|NO_HZ|HIGH_RES|PREEMPT|TCP_|DEFAULT_TCP|INET_|IPV6|NET_SCH_|VETH|BRIDGE|SYN_COOKIES|DEFAULT_NET_SCH"
    r"|CGROUP_NET|MPTCP|UML_)\w*)=(.*)$",
    re.MULTILINE,
)


def kernel_config(root: Path = Path("/")) -> dict[str, Any] | None:
    """``file``, ``sha256`` of the whole text, and ``options``: those of time, TCP, IP and queues that are set.

    From ``/proc/config.gz`` (CONFIG_IKCONFIG_PROC), else ``/boot/config-<release>``; None where the kernel shows
    neither.
    """
    for path in (root / "proc/config.gz", root / "boot" / f"config-{os.uname().release}"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        options = {match[1]: match[3].strip('"') for match in _SHAPES_A_RUN.finditer(text.decode(errors="replace"))}
        return {"file": str(path), "sha256": hashlib.sha256(text).hexdigest(), "options": options}
    return None
