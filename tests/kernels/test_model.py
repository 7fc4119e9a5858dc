"""``model:<profile>``: what its name may hold, and what it says of itself."""

from __future__ import annotations

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import kernel_named
from netemu.kernels.model import ModelKernel, profile_named
from netemu.recording.layout import Recording
from tests.lab import plans


def test_a_name_picks_a_profile_and_options_replace_its_fields() -> None:
    profile = profile_named("model:linux-6?hz=100&memory=512M")
    assert (profile.name, profile.release, profile.hz, profile.memory_bytes) == ("linux-6", "6.12", 100, 512 << 20)
    kernel = kernel_named("model:linux-7")
    assert isinstance(kernel, ModelKernel) and kernel.parallel


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("model", "model:PROFILE"),
        ("model:linux-99", "linux-99"),
        ("model:linux-7?hz=7", "hz is 7"),
        ("model:linux-7?hz=fast", "fast"),
        ("model:linux-7?time=real", "time=real"),
        ("model:linux-7?memory=1", "memory='1'"),
    ],
)
def test_what_is_wrong_in_a_name_is_named(name: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        profile_named(name)


def test_a_node_of_another_kernel_is_refused(tmp_path: object) -> None:
    plan = plans.pair()
    nodes = tuple(msgspec.structs.replace(node, kernel="host") for node in plan.nodes)
    with pytest.raises(MissingCapability, match="asks for kernel 'host'"):
        ModelKernel("model:linux-7").execute(
            msgspec.structs.replace(plan, nodes=nodes),
            Recording(tmp_path),
            lambda text: None,  # type: ignore[arg-type]
        )
