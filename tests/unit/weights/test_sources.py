from __future__ import annotations

from napari_tavis.weights.sources import SOURCES


def test_every_official_address_is_that_of_the_authors() -> None:
    sam2 = "https://dl.fbaipublicfiles.com/segment_anything_2"
    assert SOURCES["sam2_hiera_large"].url == f"{sam2}/072824/sam2_hiera_large.pt"
    assert SOURCES["sam2.1_hiera_base_plus"].url == f"{sam2}/092824/sam2.1_hiera_base_plus.pt"
    imagebind = SOURCES["imagebind_huge"]
    assert imagebind.url == "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
    assert SOURCES["tavis_s4"].url.endswith("id=1gTdAMvqHT6uK6EOI8NSAucSa1m8bVw3t")
    assert SOURCES["tavis_v2"].url.endswith("id=1seSe2_2nz-_lcdleexAdRAoWuR8jIj45")
    assert not SOURCES["tavis_ms3"].url
    sam = SOURCES["sam_vit_h"]
    assert sam.url == "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_h_4b8939.pth"
    assert len(SOURCES) == 15
