from __future__ import annotations

import pytest

from napari_tavis.weights.naming import suggest_name
from napari_tavis.weights.store import Store


@pytest.mark.parametrize(
    ("files", "taken", "name"),
    [
        ([], (), ""),
        (["/data/S4.pth"], (), "S4"),
        (["/data/S4.pth"], ("s4", "S4_2"), "S4_3"),
        (["my model (best).pth"], (), "my_model_best"),
        (["sam2_hiera_large.pt", "imagebind_huge.pth"], (), "sam2_hiera_large+imagebind_huge"),
        (["sam2.1_hiera_tiny", "b.pth"], (), "sam2.1_hiera_tiny+b"),
        (["toy.safetensors"], (), "toy_2"),
        (["模型.pth"], (), "model"),
        (["x" * 300 + ".pth"], (), "x" * 60),
    ],
)
def test_a_name_is_made_of_the_files(
    files: list[str], taken: tuple[str, ...], name: str, store: Store
) -> None:
    assert suggest_name(files, taken) == name
    if name:
        store.check_name(name)
