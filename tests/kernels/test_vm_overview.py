"""Images in the list of kernels."""

from __future__ import annotations

from netemu.kernels.overview import table
from netemu.kernels.store import Store
from netemu.kernels.vm_image import find_image
from netemu.kernels.vm_overview import describe_image, image_row, picked_by
from tests.kernels.vm_images import put_image


def test_an_image_stands_in_the_list_by_the_name_that_means_it(store: Store) -> None:
    image = put_image(store)
    assert picked_by(image, store) == ["vm:9.9", "vm:9.9.7"]
    put_image(store, "9.9.8", "cd" * 6)
    assert picked_by(image, store) == ["vm:9.9.7"]
    assert image_row(find_image("9.9", store), store)[:2] == ("vm:9.9", f"vm:9.9.8-{'cd' * 6}")
    assert len(table(store).splitlines()) == 3


def test_an_image_is_described_with_the_keys_of_a_kernel(store: Store) -> None:
    described = describe_image(put_image(store), store)
    assert (described["netem"], described["tick_hz"], described["congestion"]) == (True, 250, ["bbr", "reno"])
    assert described["version"] == "9.9.7"
