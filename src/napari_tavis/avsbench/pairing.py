"""TAViS's rule across the two datasets: each S4 or MS3 name begins exactly one v1s or v1m uid.

TAViS reads frames and lists from the object trees, but labels and sound from the semantic one,
where it takes the folder whose name starts with the clip's name.
"""

from __future__ import annotations

from pathlib import Path

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import ClipKey, Subset, find_trees, list_name
from napari_tavis.avsbench.lists import listed_clips

PARTNERS: dict[Subset, Subset] = {"s4": "v1s", "ms3": "v1m", "v1s": "s4", "v1m": "ms3"}
"""The subset of the other dataset that holds the same clips."""


def check_pairing(root: Path, key: ClipKey) -> None:
    """Refuse a name with which TAViS could not tell two clips apart.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    key : ClipKey
        The clip that is to be written.

    Raises
    ------
    DatasetError
        If an S4 or MS3 name would begin several uids.
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
        raise DatasetError(
            f"The name {name!r} begins several clips ({', '.join(begun[:5])}), between which "
            "TAViS could not choose: choose another name."
        )


def names_in(root: Path, subset: Subset) -> set[str]:
    """Give the names (or uids) that the trees of a subset list.

    Parameters
    ----------
    root : Path
        Folder of the dataset.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.

    Returns
    -------
    set of str

    Raises
    ------
    DatasetError
        If a list cannot be read.
    """
    trees = [tree for tree in find_trees(root, subset) if (tree / list_name(subset)).is_file()]
    return {clip.key.name for tree in trees for clip in listed_clips(tree, subset)}
