"""TAViS's rule across the two datasets: each S4 or MS3 name begins exactly one v1s or v1m uid.

TAViS reads frames and lists from the object trees, but labels and sound from the semantic one,
where it takes the folder whose name starts with the clip's name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.layout import ClipKey, Subset, find_trees, list_name
from napari_tavis.datasets.avsbench.lists import ListedClip, listed_clips

# the subset of the other dataset that holds the same clips
PARTNERS: dict[Subset, Subset] = {"s4": "v1s", "ms3": "v1m", "v1s": "s4", "v1m": "ms3"}


@dataclass(frozen=True)
class Partner:
    """The semantic tree that knows the classes of an object tree's clips."""

    tree: Path
    # by their names in the object tree; those without a partner are left out
    clips: Mapping[str, ListedClip]


def find_partner(root: Path, subset: Subset, names: Iterable[str]) -> Partner | None:
    """Find the semantic clips that show the same as clips of an object tree, S4's or MS3's.

    None if there is no such tree, or it has none of the clips. Raises `DatasetError` if the list
    cannot be read, or a name begins several uids.
    """
    partner = PARTNERS[subset]
    for tree in find_trees(root, partner):
        if not (tree / list_name(partner)).is_file():
            continue
        by_uid = {clip.key.name: clip for clip in listed_clips(tree, partner)}
        uids = sorted(by_uid)
        found: dict[str, ListedClip] = {}
        for name in names:
            begun = _begun(uids, name)
            if len(begun) > 1:
                raise _ambiguous(name, begun)
            if begun:
                found[name] = by_uid[begun[0]]
        if found:
            return Partner(tree, found)
    return None


def _begun(uids: list[str], name: str) -> list[str]:
    """Return the uids that a name begins: of several, the one whose video it names in full.

    The uids are sorted.
    """
    begun = []
    for uid in uids[bisect_left(uids, name) :]:
        if not uid.startswith(name):
            break
        begun.append(uid)
    whole = [uid for uid in begun if uid == name or uid.startswith(f"{name}_")]
    return whole if len(whole) == 1 else begun


def check_pairing(root: Path, key: ClipKey) -> None:
    """Refuse a name with which TAViS could not tell two clips apart.

    Raises `DatasetError` if an S4 or MS3 name would begin several uids.
    """
    partner = PARTNERS.get(key.subset)
    if partner is None:
        return
    own, others = {key.name, *names_in(root, key.subset)}, names_in(root, partner)
    if key.subset in ("s4", "ms3"):
        begun = sorted(uid for uid in others if uid.startswith(key.name))
        ambiguous = [(key.name, begun)] if len(begun) > 1 else []
    else:
        names = [name for name in others if key.name.startswith(name)]
        found = [(name, sorted(uid for uid in own if uid.startswith(name))) for name in names]
        ambiguous = [(name, begun) for name, begun in found if len(begun) > 1]
    if ambiguous:
        name, begun = ambiguous[0]
        raise _ambiguous(name, begun)


def _ambiguous(name: str, begun: list[str]) -> DatasetError:
    return DatasetError(
        f"The name {name!r} begins several clips ({', '.join(begun[:5])}), between which "
        "TAViS could not choose: choose another name."
    )


def names_in(root: Path, subset: Subset) -> set[str]:
    """Return the names (or uids) that the trees of a subset list."""
    trees = [tree for tree in find_trees(root, subset) if (tree / list_name(subset)).is_file()]
    return {clip.key.name for tree in trees for clip in listed_clips(tree, subset)}
