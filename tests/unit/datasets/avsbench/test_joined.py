from __future__ import annotations

import pytest

from napari_tavis.datasets.avsbench.joined import locate


def test_every_item_is_found_past_empty_sequences() -> None:
    ends = [0, 2, 2, 3]  # lengths 0, 2, 0, 1
    assert [locate(ends, index) for index in range(3)] == [(1, 0), (1, 1), (3, 0)]
    assert locate(ends, -1) == (3, 0)


@pytest.mark.parametrize(("ends", "index"), [([], 0), ([0, 0], 0), ([2], 2), ([2], -3)])
def test_what_is_not_there_is_refused(ends: list[int], index: int) -> None:
    with pytest.raises(IndexError):
        locate(ends, index)
