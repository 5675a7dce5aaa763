"""Errors of reading and writing AVSBench data."""

from __future__ import annotations

from napari_tavis.errors import TavisError


class DatasetError(TavisError):
    """A dataset cannot be read or written as asked; the message says which file and what to do."""


class ClipExistsError(DatasetError):
    """The dataset holds a clip of this name already, and replacing it was not asked for.

    Attributes
    ----------
    clip_name : str
        Name (S4, MS3) or uid (semantic) of the clip.
    subset : str
        The subset that holds it.
    """

    def __init__(self, clip_name: str, subset: str, where: str) -> None:
        super().__init__(
            f"The {subset} data in {where} already hold a clip named {clip_name!r}: "
            "choose another name, or ask for it to be overwritten."
        )
        self.clip_name = clip_name
        self.subset = subset


class MissingFilesError(DatasetError):
    """Files that the lists of a dataset promise are not there.

    Attributes
    ----------
    paths : tuple of str
        All of them; the message names the first ten.
    """

    def __init__(self, paths: tuple[str, ...], where: str) -> None:
        shown = ", ".join(paths[:10])
        more = f" and {len(paths) - 10} more" if len(paths) > 10 else ""
        super().__init__(
            f"{len(paths)} files that {where} lists are missing: {shown}{more}; "
            "restore them or take their rows out of the list."
        )
        self.paths = paths
