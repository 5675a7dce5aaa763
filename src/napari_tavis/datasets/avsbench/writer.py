"""Writing one annotated clip into an AVSBench folder."""

from __future__ import annotations

from pathlib import Path

from napari_tavis.core.errors import ClipExistsError, DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import BACKGROUND
from napari_tavis.datasets.avsbench import images, sound, vggish
from napari_tavis.datasets.avsbench.annotation import ClipAnnotation, unknown_classes
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    ClipFiles,
    ClipKey,
    Subset,
    check_split,
    check_subset,
    clip_files,
    label_count,
    list_name,
    seconds,
    semantic_uid,
    target_tree,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, listed_clips, updated_lists
from napari_tavis.datasets.avsbench.mapping import ClassMapping, updated_mapping
from napari_tavis.datasets.avsbench.pairing import check_pairing
from napari_tavis.datasets.avsbench.sources import ClipSource, updated_sources
from napari_tavis.datasets.files import write_jpeg
from napari_tavis.datasets.names import Split, check_name
from napari_tavis.datasets.transaction import commit, staging_folder, tree_lock
from napari_tavis.media import extract_segment, write_video

OFF_SCREEN = "off-the-screen"  # AVSBench's a_obj of a sound whose source is not seen


def write_clip(
    root: Path | str,
    subset: str,
    split: str,
    clip: ClipAnnotation,
    *,
    overwrite: bool = False,
    source: ClipSource | None = None,
    mapping: ClassMapping | None = None,
    task: Task | None = None,
) -> Path:
    """Add a clip to an AVSBench folder, which is made if it does not exist.

    The clip is written completely beside the data and then moved into place with the lists: an
    error or a cancel leaves the folder as it was, and a killed process leaves the old or the new.

    Parameters
    ----------
    root : Path or str
        Folder of the dataset, official or of earlier exports.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.
    split : {"train", "val", "test"}
        The split.
    clip : ClipAnnotation
        Five frames, or ten for v2.
    overwrite : bool
        Replace a clip of the same name, wherever it is in the subset.
    source : ClipSource, optional
        Where the clip comes from, for the tree's ``sources.csv``.
    mapping : mapping, optional
        What became of classes that AVSBench does not have; kept with the tree.
    task : Task, optional
        Stops the work when cancelled.

    Returns
    -------
    Path
        Folder of the clip (semantic), or of its frames (S4, MS3).

    Raises
    ------
    ClipExistsError
        If there is such a clip and `overwrite` is False.
    DatasetError
        If the clip does not fit the subset, or cannot be written.
    """
    checked = check_subset(subset)
    key = clip_key(clip, checked, check_split(split))
    values = _list_values(clip, key)
    _check_frames(clip, key)
    tree = target_tree(Path(root), checked)
    files = clip_files(key)
    check_pairing(Path(root), key)
    _find_existing(tree, key, files, overwrite)
    with staging_folder(tree) as staging:
        _stage(staging, clip, key, files, task or Task())
        with tree_lock(tree):
            existing = _find_existing(tree, key, files, overwrite)
            old_files = clip_files(existing.key).parts if existing else ()
            texts = updated_lists(
                tree, key.subset, key.split, values, existing.row if existing else None
            )
            texts |= updated_mapping(tree, mapping or {})
            if source is not None:
                texts |= updated_sources(tree, key.subset, key.name, source)
            removed = dict.fromkeys((*old_files, *files.parts))
            commit(tree, staging, files.parts, removed, texts)
    return tree / files.parts[0]


def clip_key(clip: ClipAnnotation, subset: Subset, split: Split) -> ClipKey:
    """Name a clip as a subset does.

    Raises `DatasetError` if a name breaks a rule, S4's category is missing, or a start is no whole
    second.
    """
    if subset == "ms3":
        return ClipKey(subset, split, check_name(clip.name))
    if subset == "s4":
        category = clip.category or clip.main_class()
        if not category:
            raise DatasetError(f"Clip {clip.name!r} shows no class: S4 needs one as its category.")
        return ClipKey(subset, split, check_name(clip.name), check_name(category, "category"))
    if clip.start != int(clip.start) or clip.start < 0:
        raise DatasetError(
            f"Clip {clip.name!r} starts at {clip.start:g} s: {subset} clips start at whole seconds."
        )
    uid = semantic_uid(subset, check_name(clip.vid, "video"), clip.start)
    return ClipKey(subset, split, check_name(uid))


def _check_frames(clip: ClipAnnotation, key: ClipKey) -> None:
    wanted = seconds(key.subset)
    if len(clip.frames) != wanted:
        raise DatasetError(
            f"Clip {clip.name!r} has {len(clip.frames)} frames, but {key.subset} needs {wanted}."
        )
    if not clip.labelled[: label_count(key.subset, key.split)].all():
        missing = [int(n) + 1 for n in (~clip.labelled).nonzero()[0]]
        raise DatasetError(
            f"Clip {clip.name!r} has no label for frames {missing}, which {key.subset} {key.split} "
            "needs: annotate them first."
        )
    if key.subset in SEMANTIC_SUBSETS and clip.class_map is None:
        raise DatasetError(f"Clip {clip.name!r} has no classes, which {key.subset} needs.")


def _list_values(clip: ClipAnnotation, key: ClipKey) -> dict[str, str]:
    """Return the row of the main list: column to text, in the columns' order."""
    if key.subset == "s4":
        # The video kept is the clip alone, so it starts at 0, where every loader agrees.
        return {"name": key.name, "start": "0", "category": key.category, "split": key.split}
    if key.subset == "ms3":
        return {"name": key.name, "split": key.split}
    start = 0 if key.subset == "v1m" else int(clip.start)
    return {
        "vid": clip.vid,
        "uid": key.name,
        "s_min": str(start // 60),
        "s_sec": str(start % 60),
        "a_obj": _sounding_objects(clip),
        "split": key.split,
        "label": key.subset,
    }


def _sounding_objects(clip: ClipAnnotation) -> str:
    names = tuple(dict.fromkeys((*clip.class_names, *clip.sound_classes)))
    unknown = unknown_classes(tuple(name for name in names if name != OFF_SCREEN))
    if unknown or BACKGROUND in names:
        raise DatasetError(
            f"Clip {clip.name!r} names sounds that AVSBench has no class for: "
            f"{', '.join(unknown) or BACKGROUND}."
        )
    return "_".join(names) or OFF_SCREEN


def _find_existing(
    tree: Path, key: ClipKey, files: ClipFiles, overwrite: bool
) -> ListedClip | None:
    listed = listed_clips(tree, key.subset) if (tree / list_name(key.subset)).exists() else []
    same = [clip for clip in listed if clip.key.name == key.name]
    if not overwrite and (same or any((tree / part).exists() for part in files.parts)):
        raise ClipExistsError(key.name, key.subset, str(tree))
    return same[0] if same else None


def _stage(staging: Path, clip: ClipAnnotation, key: ClipKey, files: ClipFiles, task: Task) -> None:
    for folder in {(staging / path).parent for path in files.all}:
        folder.mkdir(parents=True, exist_ok=True)
    samples = sound.to_pcm16(clip.waveform, seconds(key.subset))
    sound.write_wav(staging / files.waveform, samples)
    task.check()
    if key.subset in SEMANTIC_SUBSETS:
        _stage_semantic(staging, clip, files, task)
        return
    for path, frame in zip(files.frames, clip.frames, strict=True):
        task.check()
        images.write_object_frame(staging / path, frame)
    for path, mask in zip(files.masks, clip.masks, strict=False):
        images.write_object_mask(staging / path, mask)
    assert files.log_mel is not None  # S4 and MS3 have it, and the video
    assert files.video is not None
    vggish.write_log_mel(staging / files.log_mel, vggish.log_mel_examples(samples))
    task.check()
    _stage_video(staging / files.video, clip, seconds(key.subset))
    task.check()


def _stage_semantic(staging: Path, clip: ClipAnnotation, files: ClipFiles, task: Task) -> None:
    assert clip.class_map is not None  # _check_frames refuses a clip without
    for path, frame in zip(files.frames, clip.frames, strict=True):
        task.check()
        write_jpeg(staging / path, frame)
    labels = zip(files.labels_rgb, files.labels_semantic, clip.class_map, strict=False)
    for rgb_path, index_path, class_map in labels:
        images.write_semantic_labels(
            staging / rgb_path, staging / index_path, images.keep_background_pixel(class_map)
        )


def _stage_video(path: Path, clip: ClipAnnotation, length: float) -> None:
    if clip.video is not None:
        start = clip.start if clip.video_start is None else clip.video_start
        extract_segment(clip.video, path, start, length)
    else:
        write_video(path, clip.frames, 1.0, clip.waveform, sound.SAMPLE_RATE)
