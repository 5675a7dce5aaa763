"""Where everything is in an AVSBench folder: the one place that spells its paths.

Source: the loaders of AVSBench (S4, MS3, AVSS) and of seven other public consumers. Paths are
relative to a *tree*: ``Single-source``, ``Multi-sources``, or the folder of the semantic lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias, get_args

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import ForeignFileError, is_inside, open_file
from napari_tavis.datasets.names import SPLITS, Split

Subset: TypeAlias = Literal["s4", "ms3", "v1s", "v1m", "v2"]

SUBSETS: tuple[Subset, ...] = get_args(Subset)
SEMANTIC_SUBSETS: tuple[Subset, ...] = ("v1s", "v1m", "v2")

S4_TREE = "Single-source"
MS3_TREE = "Multi-sources"
S4_LIST = "s4_meta_data.csv"
S4_SHUFFLED_LIST = "s4_meta_data_shuffled.csv"
MS3_LIST = "ms3_meta_data.csv"
MS3_TRAIN_LIST = "ms3_train_data.csv"
SEMANTIC_LIST = "metadata.csv"
CLASS_LIST = "label2idx.json"
OBJECT_SIZE = 224  # pixels on each side of the frames and masks of S4 and MS3

# seconds into each second at which its frame is taken: the last of 16 samples
FRAME_OFFSET = 15 / 16

STEP = 1.0  # seconds from one frame to the next

DATA_FOLDERS = frozenset({"s4_data", "ms3_data", "v1s", "v1m", "v2"})  # of a tree, with its clips

MAX_NESTING = 3  # how many levels deep trees are looked for, the given folder included

S4_HEADER = ("name", "start", "category", "split")
# as published: CAVP's loader reads the name by it, the others by its place
MS3_HEADER = ("video_id", "split")
SEMANTIC_HEADER = ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label")


@dataclass(frozen=True)
class ClipKey:
    """What a list says about where a clip is."""

    subset: Subset
    split: Split
    name: str  # name (S4, MS3) or uid (semantic)
    category: str = ""  # S4 only; empty elsewhere


@dataclass(frozen=True)
class ClipFiles:
    """The files of one clip, relative to its tree."""

    frames: tuple[PurePosixPath, ...]  # five or ten pictures
    waveform: PurePosixPath
    # the directories and files that together are the clip, and nothing else
    parts: tuple[PurePosixPath, ...]
    masks: tuple[PurePosixPath, ...] = ()  # S4 and MS3: binary masks, of the first frames
    # semantic: labels of the first frames, in palette colours
    labels_rgb: tuple[PurePosixPath, ...] = ()
    labels_semantic: tuple[PurePosixPath, ...] = ()  # the same as indices
    log_mel: PurePosixPath | None = None  # S4 and MS3 only
    video: PurePosixPath | None = None  # S4 and MS3 only

    @property
    def all(self) -> tuple[PurePosixPath, ...]:
        """Every file of the clip."""
        pictures = (*self.frames, *self.masks, *self.labels_rgb, *self.labels_semantic)
        others = (self.waveform, self.log_mel, self.video)
        return (*pictures, *(path for path in others if path is not None))


def frame_count(subset: Subset) -> int:
    """Return the number of frames of a clip: ten in v2, five elsewhere."""
    return 10 if subset == "v2" else 5


def seconds(subset: Subset) -> int:
    """Return the length of a clip in seconds: as many as it has frames."""
    return frame_count(subset)


def label_count(subset: Subset, split: str) -> int:
    """Return how many of a clip's first frames are labelled.

    Single-source training clips (S4, v1s) have only the first frame's label.
    """
    return 1 if subset in ("s4", "v1s") and split == "train" else frame_count(subset)


def check_subset(subset: str) -> Subset:
    """Return the subset of a name; `DatasetError` if AVSBench has none."""
    for known in SUBSETS:
        if subset == known:
            return known
    raise DatasetError(f"AVSBench has no subset {subset!r}: choose one of {', '.join(SUBSETS)}.")


def check_split(split: str) -> Split:
    """Return the split of a name; `DatasetError` if AVSBench has none."""
    for known in SPLITS:
        if split == known:
            return known
    raise DatasetError(f"AVSBench has no split {split!r}: choose one of {', '.join(SPLITS)}.")


def clip_files(key: ClipKey) -> ClipFiles:
    if key.subset == "s4":
        return _s4_files(key)
    if key.subset == "ms3":
        return _ms3_files(key)
    return _semantic_files(key)


def _s4_files(key: ClipKey) -> ClipFiles:
    name, data = key.name, PurePosixPath("s4_data")
    inner = PurePosixPath(key.split, key.category)
    frames = data / "visual_frames" / inner / name
    masks = data / "gt_masks" / inner / name
    waveform = data / "audio_wav" / inner / f"{name}.wav"
    log_mel = data / "audio_log_mel" / inner / f"{name}.pkl"
    video = data / "raw_videos" / inner / f"{name}.mp4"
    return ClipFiles(
        frames=tuple(frames / f"{name}_{n}.png" for n in range(1, 6)),
        masks=tuple(masks / f"{name}_{n}.png" for n in range(1, label_count("s4", key.split) + 1)),
        waveform=waveform,
        log_mel=log_mel,
        video=video,
        parts=(frames, masks, waveform, log_mel, video),
    )


def _ms3_files(key: ClipKey) -> ClipFiles:
    name, data = key.name, PurePosixPath("ms3_data")
    frames = data / "visual_frames" / name
    masks = data / "gt_masks" / key.split / name
    waveform = data / "audio_wav" / key.split / f"{name}.wav"
    log_mel = data / "audio_log_mel" / key.split / f"{name}.pkl"
    video = data / "raw_videos" / f"{name}.mp4"
    return ClipFiles(
        frames=tuple(frames / f"{name}.mp4_{n}.png" for n in range(1, 6)),
        masks=tuple(masks / f"{name}_{n}.png" for n in range(1, 6)),
        waveform=waveform,
        log_mel=log_mel,
        video=video,
        parts=(frames, masks, waveform, log_mel, video),
    )


def _semantic_files(key: ClipKey) -> ClipFiles:
    clip = PurePosixPath(key.subset, key.name)
    labels = range(label_count(key.subset, key.split))
    return ClipFiles(
        frames=tuple(clip / "frames" / f"{n}.jpg" for n in range(frame_count(key.subset))),
        labels_rgb=tuple(clip / "labels_rgb" / f"{n}.png" for n in labels),
        labels_semantic=tuple(clip / "labels_semantic" / f"{n}.png" for n in labels),
        waveform=clip / "audio.wav",
        parts=(clip,),
    )


def semantic_uid(subset: Subset, vid: str, start: float) -> str:
    """Name a semantic clip: ``<vid>_<ms0>_<ms1>``, or the plain ``vid`` in v1m.

    It starts at a whole second of the video, `start`.
    """
    if subset == "v1m":
        return vid
    first = 1000 * int(start)
    return f"{vid}_{first}_{first + 1000 * seconds(subset)}"


def list_name(subset: Subset) -> str:
    """Return the file name of the list of a subset."""
    return {"s4": S4_LIST, "ms3": MS3_LIST}.get(subset, SEMANTIC_LIST)


def find_trees(root: Path, subset: Subset) -> list[Path]:
    """Find the trees of a subset in a folder, or at most two levels down, nearest first.

    The published datasets nest them (``AVSBench_object/Single-source``), exports do not. The three
    semantic subsets share a tree. No link is followed out of the folder.
    """
    folders, found = [root], []
    for _ in range(MAX_NESTING):
        found += [folder for folder in folders if _is_tree(folder, subset)]
        folders = [inner for folder in folders for inner in _subfolders(folder, root)]
    return found


def _subfolders(folder: Path, root: Path) -> list[Path]:
    """List the folders that may contain trees: not those of clips, of which there are many."""
    if folder.name in DATA_FOLDERS:
        return []
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # no folder, or one that may not be looked into
        return []
    return [
        inner
        for inner in inside
        if not inner.name.startswith(".")
        and inner.name not in DATA_FOLDERS
        and inner.is_dir()
        and is_inside(inner, root)
    ]


def _is_tree(folder: Path, subset: Subset) -> bool:
    if subset in ("s4", "ms3"):
        named = folder.is_dir() and folder.name == (S4_TREE if subset == "s4" else MS3_TREE)
        return named or (folder / list_name(subset)).is_file()
    return (folder / CLASS_LIST).is_file() or _is_semantic_list(folder / SEMANTIC_LIST)


def _is_semantic_list(path: Path) -> bool:
    """Rule out an unrelated metadata.csv: a semantic list has its own header."""
    try:
        with open_file(path, root=path.parent) as file:
            header = file.readline(1000)
    except (ForeignFileError, OSError):
        return False
    return b"uid" in header or b"a_obj" in header


def target_tree(root: Path, subset: Subset) -> Path:
    """Return the tree that a clip of a subset is written to, existing or new.

    Raises `DatasetError` if there are several, or the place is a link out of the folder.
    """
    found = find_trees(root, subset)
    if len(found) > 1:
        places = ", ".join(str(path) for path in found)
        raise DatasetError(f"{root} holds several {subset} datasets ({places}): choose one.")
    if found:
        return found[0]
    tree = root / {"s4": S4_TREE, "ms3": MS3_TREE}.get(subset, "")
    if not is_inside(tree, root):
        raise DatasetError(
            f"{tree} is a link out of the dataset {root}, through which nothing is written: "
            "replace the link by a folder, or choose that folder."
        )
    return tree
