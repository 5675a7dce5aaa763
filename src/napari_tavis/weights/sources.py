"""Where to get official weights."""

from __future__ import annotations

from dataclasses import dataclass

from napari_tavis.core.errors import WeightsError

_META = "https://dl.fbaipublicfiles.com"
_DRIVE = "https://drive.google.com/uc?export=download&id="


@dataclass(frozen=True)
class Source:
    """Official weights."""

    name: str  # what the user calls them
    title: str
    kind: str  # as in `napari_tavis.model.conversion`
    url: str  # of the file; empty if there is no direct one
    page: str  # where a person gets the file in a browser
    sha256: str = ""  # empty where none is published, so that the first download's counts
    code: str = ""  # what the page asks for; mostly nothing

    @property
    def file_name(self) -> str:
        """What the file is called while it is downloaded."""
        return self.name + (".pt" if self.kind == "sam2" else ".pth")


def _sam2(version: str, size: str, sha256: str) -> Source:
    # The authors publish no checksums; these are what registries of other projects hold.
    folder, prefix = {"2.0": ("072824", "sam2"), "2.1": ("092824", "sam2.1")}[version]
    url = f"{_META}/segment_anything_2/{folder}/{prefix}_hiera_{size}.pt"
    title = f"SAM {version} Hiera-{size.replace('_', ' ')}, to train from"
    return Source(f"{prefix}_hiera_{size}", title, "sam2", url, url, sha256)


_SAM2_CHECKSUMS = {
    ("2.0", "tiny"): "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ("2.0", "small"): "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ("2.0", "base_plus"): "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ("2.0", "large"): "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ("2.1", "tiny"): "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ("2.1", "small"): "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ("2.1", "base_plus"): "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ("2.1", "large"): "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
}


def _sam(size: str, prefix: str, sha256: str) -> Source:
    url = f"{_META}/segment_anything/sam_vit_{size}_{prefix}.pth"
    title = f"SAM ViT-{size.upper()}, to train from"
    return Source(f"sam_vit_{size}", title, "sam", url, url, sha256)


_SAM_CHECKSUMS = {
    ("h", "4b8939"): "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ("l", "0b3195"): "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ("b", "01ec64"): "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
}


def _tavis(name: str, title: str, drive: str) -> Source:
    url = _DRIVE + drive
    return Source(name, title, "tavis", url, f"https://drive.google.com/file/d/{drive}/view")


_ALL = (
    _tavis("tavis_s4", "TAViS for S4 (one sounding source)", "1gTdAMvqHT6uK6EOI8NSAucSa1m8bVw3t"),
    Source(
        "tavis_ms3",
        "TAViS for MS3 (several sounding sources)",
        "tavis",
        "",
        "https://pan.baidu.com/s/1pBNo0RSaO0ufu86fA9w1UQ",
        code="dm2u",
    ),
    _tavis(
        "tavis_v2",
        "TAViS for V2 (AVSS; all three datasets at 224)",
        "1seSe2_2nz-_lcdleexAdRAoWuR8jIj45",
    ),
    Source(
        "imagebind_huge",
        "ImageBind-Huge, to train from",
        "imagebind",
        f"{_META}/imagebind/imagebind_huge.pth",
        f"{_META}/imagebind/imagebind_huge.pth",
        "d6f6c22bedcc90708448d5d2fbb7b2db9c73f505dc89bd0b2e09b23af1b62157",
    ),
    *(_sam2(version, size, sha256) for (version, size), sha256 in _SAM2_CHECKSUMS.items()),
    *(_sam(size, prefix, sha256) for (size, prefix), sha256 in _SAM_CHECKSUMS.items()),
)

SOURCES = {source.name: source for source in _ALL}  # by name


def find_source(name: str) -> Source:
    """Return official weights by name; `WeightsError` if there are none of this name."""
    if name not in SOURCES:
        raise WeightsError(f"{name!r} cannot be downloaded; choose one of {', '.join(SOURCES)}.")
    return SOURCES[name]


def by_hand(source: Source) -> str:
    """Say how a person gets weights without this program."""
    code = f" (code {source.code})" if source.code else ""
    return (
        f"get the file in a browser from {source.page}{code}, then import it: Models … in napari, "
        f"or napari-tavis weights import FILE --name {source.name}"
    )
