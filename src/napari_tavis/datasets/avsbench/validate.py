"""Checking an AVSBench folder against everything that its public loaders rely on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import (
    MEGABYTE,
    ForeignFileError,
    MissingForeignFileError,
    is_inside,
    open_file,
    read_json,
)
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import images, sound, vggish
from napari_tavis.datasets.avsbench.layout import (
    CLASS_LIST,
    DATA_FOLDERS,
    MS3_TRAIN_LIST,
    MS3_TREE,
    OBJECT_SIZE,
    S4_HEADER,
    S4_SHUFFLED_LIST,
    S4_TREE,
    SEMANTIC_HEADER,
    SEMANTIC_LIST,
    SEMANTIC_SUBSETS,
    ClipFiles,
    Subset,
    clip_files,
    find_trees,
    frame_count,
    list_name,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, clip_of_row
from napari_tavis.datasets.avsbench.pairing import PARTNERS
from napari_tavis.datasets.avsbench.tables import Table, read_table
from napari_tavis.datasets.files import Violation, without_path
from napari_tavis.datasets.names import name_problem
from napari_tavis.datasets.transaction import unfinished_exports


def validate(
    root: Path | str,
    *,
    names: Collection[str] | None = None,
    task: Task | None = None,
) -> list[Violation]:
    """Find everything in a folder that breaks AVSBench's format.

    All trees in the folder, or up to two levels deeper, are checked. Files are decoded but nothing
    in them is executed, nothing is written, and no link is followed out of a tree.

    Parameters
    ----------
    root : Path or str
        The folder. Nothing in it is changed; an export that was killed there is reported.
    names : collection of str, optional
        Check only the files of the clips of these names; the lists are checked completely.
    task : Task, optional
        Receives the progress; stops the work when cancelled.

    Returns
    -------
    list of Violation
        Empty if all is well.

    Raises
    ------
    DatasetError
        If the folder does not exist or holds no AVSBench tree.
    """
    task = task or Task()
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder: name the folder of an AVSBench dataset.")
    found: list[Violation] = []
    work = _check_trees(root, found)
    looked_at = [one for one in work if names is None or one[1].key.name in names]
    for done, (tree, clip) in enumerate(looked_at):
        task.check()
        task.report(done, len(looked_at), clip.key.name)
        found += _check_clip(tree, clip)
    found += _check_pairs(work, names)
    task.report(len(looked_at), len(looked_at), "checked")
    return list(dict.fromkeys(found))


def _check_trees(root: Path, found: list[Violation]) -> list[tuple[Path, ListedClip]]:
    """Check the lists of every tree; return the clips they list, with their trees."""
    single, multiple = find_trees(root, "s4"), find_trees(root, "ms3")
    semantic = find_trees(root, "v2")
    if not (single or multiple or semantic):
        raise DatasetError(
            f"{root} holds no AVSBench data: there is no {S4_TREE}, {MS3_TREE} or {SEMANTIC_LIST} "
            "in it or up to two levels deeper."
        )
    clips = [(tree, clip) for tree in single for clip in _check_s4(tree, found)]
    clips += [(tree, clip) for tree in multiple for clip in _check_ms3(tree, found)]
    clips += [(tree, clip) for tree in semantic for clip in _check_semantic(tree, found)]
    for tree in dict.fromkeys((*single, *multiple, *semantic)):
        listed = (clip_files(clip.key) for place, clip in clips if place == tree)
        found += check_unlisted(tree, listed)
    return clips


def _check_s4(tree: Path, found: list[Violation]) -> list[ListedClip]:
    _check_spelling(tree, S4_TREE, found)
    table = read_list(tree, list_name("s4"), found, S4_HEADER)
    if table is None:
        return []
    clips = read_rows(table, "s4", found)
    check_names(table.path, clips, found)
    found += check_s4_lists(tree, table, clips)
    return clips


def _check_ms3(tree: Path, found: list[Violation]) -> list[ListedClip]:
    _check_spelling(tree, MS3_TREE, found)
    table = read_list(tree, list_name("ms3"), found)
    if table is None:
        return []
    clips = read_rows(table, "ms3", found)
    check_names(table.path, clips, found)
    found += check_ms3_lists(tree, table)
    return clips


def _check_semantic(tree: Path, found: list[Violation]) -> list[ListedClip]:
    found += check_class_list(tree)
    table = read_list(tree, SEMANTIC_LIST, found, SEMANTIC_HEADER)
    if table is None:
        return []
    clips: list[ListedClip] = []
    for subset in SEMANTIC_SUBSETS:
        own = read_rows(table, subset, found)
        check_names(table.path, own, found)
        clips += own
    found += check_semantic_rows(table, clips)
    return clips


def _check_spelling(tree: Path, name: str, found: list[Violation]) -> None:
    if tree.absolute().name != name:
        found.append(Violation(tree, f"must be called {name}, as loaders spell it"))


def _check_pairs(
    work: list[tuple[Path, ListedClip]], names: Collection[str] | None
) -> Iterator[Violation]:
    """Check TAViS's rule: an S4 or MS3 name begins exactly one v1s or v1m uid.

    If the partner subset has no clips at all, there is nothing to pair with. A clip that was
    written just now may have no partner yet; the export itself says so.
    """
    listed: dict[Subset, list[ListedClip]] = {}
    for _, clip in work:
        listed.setdefault(clip.key.subset, []).append(clip)
    for tree, clip in work:
        partners = listed.get(PARTNERS.get(clip.key.subset, clip.key.subset), [])
        if clip.key.subset not in ("s4", "ms3") or not partners:
            continue
        if names is not None and clip.key.name not in names:
            continue
        begun = [other for other in partners if other.key.name.startswith(clip.key.name)]
        path, line = tree / list_name(clip.key.subset), f"line {clip.line}"
        kind = PARTNERS[clip.key.subset]
        if not begun and names is not None:
            continue
        if len(begun) != 1:
            message = f"{line}: the name {clip.key.name!r} begins {len(begun)} {kind} uids, not one"
            yield Violation(
                path, message if begun else f"{message}: export the clip as {kind}, too"
            )
        elif begun[0].key.split != clip.key.split:
            message = f"{line}: {clip.key.name!r} is in {clip.key.split}, but in {kind} it is in "
            yield Violation(path, message + begun[0].key.split)


# One clip


def _check_clip(tree: Path, clip: ListedClip) -> Iterator[Violation]:
    """Check all files of one listed clip, and how they fit together."""
    files = clip_files(clip.key)
    for path in files.all:
        if not _is_there(tree / path):
            yield Violation(tree / path, "is missing")
    examples = frame_count(clip.key.subset)
    yield from _report(tree / files.waveform, lambda path: check_wav(path, tree, examples))
    if clip.key.subset in SEMANTIC_SUBSETS:
        yield from _check_semantic_clip(tree, clip, files)
    else:
        yield from _check_object_clip(tree, files)


def _check_object_clip(tree: Path, files: ClipFiles) -> Iterator[Violation]:
    for path in files.frames:
        yield from _report(tree / path, lambda path: check_object_frame(path, tree))
    for path in files.masks:
        yield from _report(tree / path, lambda path: check_object_mask(path, tree))
    assert files.log_mel is not None  # S4 and MS3 have it, and the video
    assert files.video is not None
    wav = tree / files.waveform
    yield from _report(tree / files.log_mel, lambda path: check_log_mel(path, tree, wav))
    yield from _report(tree / files.video, lambda path: check_video(path, tree))


def _check_semantic_clip(tree: Path, clip: ListedClip, files: ClipFiles) -> Iterator[Violation]:
    sizes: list[tuple[int, int] | None] = []
    for path in files.frames:
        place = tree / path
        problems, size = check_semantic_frame(place, tree) if _is_there(place) else ([], None)
        yield from (Violation(place, problem) for problem in problems)
        sizes.append(size)
    shown: set[int] = set()
    labels = zip(files.labels_rgb, files.labels_semantic, sizes, strict=False)
    for rgb_path, index_path, size in labels:
        if _is_there(tree / rgb_path) and _is_there(tree / index_path):
            found, classes = check_semantic_label(tree / rgb_path, tree / index_path, tree, size)
            yield from (Violation(path, problem) for path, problem in found)
            shown |= classes
    named = set(clip.sound_classes.split("_"))
    unnamed = [AVSBENCH_CLASSES[index] for index in sorted(shown)]
    unnamed = [name for name in unnamed if name not in named]
    if unnamed:
        message = (
            f"shows {', '.join(unnamed)}, which its a_obj {clip.sound_classes!r} does not name"
        )
        yield Violation(tree / files.parts[0], message)


def _report(path: Path, check: Callable[[Path], list[str]]) -> Iterator[Violation]:
    if _is_there(path):  # a missing file is a violation already
        yield from (Violation(path, problem) for problem in check(path))


def _is_there(path: Path) -> bool:
    """Say whether anything has this path; whether it is a file, the check of its kind says."""
    return os.path.lexists(path)


_ELSEWHERE = "is a link that leads out of the dataset"


# Lists


def read_list(
    tree: Path, name: str, found: list[Violation], header: tuple[str, ...] = ()
) -> Table | None:
    """Read a list and check how its header begins; None if it cannot be read.

    Violations are appended to `found`.
    """
    path = tree / name
    try:
        table = read_table(path, tree)
    except DatasetError as error:
        found.append(Violation(path, without_path(error, path)))
        return None
    if tuple(table.header[: len(header)]) != header:
        found.append(
            Violation(path, f"has the header {','.join(table.header)!r}, not {','.join(header)!r}")
        )
    return table


def read_rows(table: Table, subset: Subset, found: list[Violation]) -> list[ListedClip]:
    """Read the rows of a subset; a bad one is a violation."""
    clips = []
    for index in range(len(table.rows)):
        try:
            clip = clip_of_row(table, index, subset)
        except DatasetError as error:
            text = str(error).removeprefix(f"{table.path}, ").removeprefix(f"{table.path} ")
            violation = Violation(table.path, text)
            if violation not in found:  # the semantic list is read once per subset
                found.append(violation)
            continue
        if clip is not None:
            clips.append(clip)
    return clips


def check_names(path: Path, clips: Iterable[ListedClip], found: list[Violation]) -> None:
    """Check that names are unique and such that every loader reads them as text."""
    listed = list(clips)
    for clip in listed:
        for text in filter(None, (clip.key.name, clip.key.category)):
            problem = name_problem(text)
            if problem is not None:
                found.append(Violation(path, f"line {clip.line}: the name {text!r} {problem}"))
    for name, count in Counter(clip.key.name for clip in listed).items():
        if count > 1:
            found.append(Violation(path, f"lists {name!r} {count} times"))


def check_s4_lists(tree: Path, table: Table, clips: list[ListedClip]) -> Iterator[Violation]:
    """Check the starts, and that the shuffled list is a permutation of the main one."""
    for clip in clips:
        if not 0 <= clip.start <= 5:
            message = f"line {clip.line}: start is {clip.start:g}, but at most 5 is allowed"
            yield Violation(table.path, message)
    found: list[Violation] = []
    shuffled = read_list(tree, S4_SHUFFLED_LIST, found, S4_HEADER)
    yield from found
    if shuffled is not None and _counted(shuffled) != _counted(table):
        yield Violation(shuffled.path, f"is not a permutation of the rows of {table.path.name}")


def check_ms3_lists(tree: Path, table: Table) -> Iterator[Violation]:
    """Check the header's split column, and that the train list holds the train rows."""
    if table.header[1:2] != ["split"]:
        yield Violation(table.path, "has no column 'split' in second place")
        return
    found: list[Violation] = []
    train = read_list(tree, MS3_TRAIN_LIST, found)
    yield from found
    wanted = Counter(row[0] for row in table.rows if row[1:2] == ["train"])
    if train is not None and Counter(row[0] for row in train.rows) != wanted:
        yield Violation(train.path, f"does not hold the train rows of {table.path.name}")


def _counted(table: Table) -> Counter[tuple[str, ...]]:
    return Counter(tuple(row) for row in table.rows)


def check_class_list(tree: Path) -> Iterator[Violation]:
    """Check label2idx.json: 71 names in order, the background first."""
    path = tree / CLASS_LIST
    try:
        classes = read_json(path, most=MEGABYTE, root=tree)
    except MissingForeignFileError:
        yield Violation(path, "is missing: it lists the 71 classes")
        return
    except ForeignFileError as error:
        yield Violation(path, f"cannot be read as json: it {error.problem}")
        return
    if not isinstance(classes, dict) or tuple(classes) != AVSBENCH_CLASSES:
        yield Violation(path, "does not hold the 71 class names in their order")


def check_semantic_rows(table: Table, clips: Iterable[ListedClip]) -> Iterator[Violation]:
    """Check uids against videos and times, and the names of sounding objects."""
    for clip in clips:
        for problem in _uid_problems(table, clip):
            yield Violation(table.path, f"line {clip.line}: {problem}")


def _uid_problems(table: Table, clip: ListedClip) -> Iterator[str]:
    key = clip.key
    if key.subset == "v1m":
        if key.name != clip.vid or clip.start != 0:
            yield f"uid {key.name!r} must be the vid {clip.vid!r}, and the times 0"
    else:
        first = round(1000 * clip.start)
        wanted = f"{clip.vid}_{first}_{first + (10_000 if key.subset == 'v2' else 5000)}"
        if key.name != wanted:
            yield f"uid {key.name!r} must be {wanted!r}, as vid and times say"
    for column in ("s_min", "s_sec"):
        if not table.cell(clip.row, column).isdigit():
            yield f"{column} must be a whole number"
    names = set(clip.sound_classes.split("_"))
    unknown = sorted(names - set(AVSBENCH_CLASSES[1:]) - {"off-the-screen"})
    if unknown:
        yield f"a_obj names {', '.join(repr(name) for name in unknown)}, no class of AVSBench"


def check_unlisted(tree: Path, clips: Iterable[ClipFiles]) -> Iterator[Violation]:
    """Find what is in the folders of clips without belonging to a listed one.

    Some loaders read folders instead of lists, or count the files in a clip's folder.
    """
    listed = list(clips)
    files = {path for clip in listed for path in clip.all}
    parts = {part for clip in listed for part in clip.parts}
    inner = {folder for path in files for folder in path.parents}
    for folder in sorted(path for path in tree.iterdir() if path.name in DATA_FOLDERS):
        if not folder.is_dir():
            yield Violation(folder, "is not a folder")
        elif is_inside(folder, tree):
            yield from _unlisted(tree, PurePosixPath(folder.name), files, parts, inner)
        else:
            yield Violation(folder, _ELSEWHERE)
    for place, what in unfinished_exports(tree):
        yield Violation(place, what)


def _unlisted(
    tree: Path,
    folder: PurePosixPath,
    files: set[PurePosixPath],
    parts: set[PurePosixPath],
    inner: set[PurePosixPath],
) -> Iterator[Violation]:
    inside_clip = folder in parts or any(parent in parts for parent in folder.parents)
    for place in sorted((tree / folder).iterdir()):
        path = folder / place.name
        if path in files:
            continue
        if not is_inside(place, tree):
            yield Violation(place, _ELSEWHERE)
        elif place.is_dir() and path in inner:
            yield from _unlisted(tree, path, files, parts, inner)
        elif inside_clip:
            yield Violation(place, "does not belong in the folder of a clip")
        elif not place.is_dir() or any(inside.is_file() for inside in place.rglob("*")):
            yield Violation(place, "is not listed: no row of the list names it")


LOG_MEL_TOLERANCE = 1e-3  # largest difference of a log-mel value from the one of the wav file

_MOST_BOXES = 10_000  # of an mp4; against files made to take forever


# Files. Nothing that one holds is ever executed; a damaged one is a finding, not an exception.


def check_object_frame(path: Path, tree: Path) -> list[str]:
    """Check a frame of S4 or MS3."""
    image, problems = _image(path, tree, "PNG")
    return problems if image is None else problems + _object_size(image) + _mode(image, ("RGB",))


def check_object_mask(path: Path, tree: Path) -> list[str]:
    """Check a mask of S4 or MS3."""
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return problems
    problems += _object_size(image) + _mode(image, ("L",))
    if image.mode == "L":
        odd = sorted({int(value) for value in np.unique(np.asarray(image))} - {0, 255})
        if odd:
            problems.append(f"holds the values {odd[:5]} besides 0 and 255")
    return problems


def check_semantic_frame(path: Path, tree: Path) -> tuple[list[str], tuple[int, int] | None]:
    """Check a frame of the semantic tree; also return its width and height, if readable."""
    image, problems = _image(path, tree, "JPEG")
    if image is None:
        return problems, None
    return problems + _mode(image, ("RGB",)), image.size


def check_semantic_label(
    rgb_path: Path, index_path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[list[tuple[Path, str]], set[int]]:
    """Check the two files of a semantic label, whose frame has this width and height, if known.

    Returns the problems, and the classes that the label shows, without the background.
    """
    rgb, rgb_problems = _rgb_label(rgb_path, tree, size)
    index, index_problems = _index_label(index_path, tree, size)
    problems = [(rgb_path, problem) for problem in rgb_problems]
    problems += [(index_path, problem) for problem in index_problems]
    if rgb is not None and index is not None and rgb.shape == index.shape:
        differing = int(np.count_nonzero(rgb != index))
        if differing:
            problems.append((index_path, f"differs from {rgb_path} in {differing} pixels"))
    shown: set[int] = set()
    for path, classes in ((rgb_path, rgb), (index_path, index)):
        if classes is not None:
            shown |= {int(value) for value in np.unique(classes)}
            if classes.all():
                problems.append((path, "has no background pixel"))
    return problems, {value for value in shown if 0 < value < len(AVSBENCH_CLASSES)}


def _rgb_label(
    path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[npt.NDArray[np.uint8] | None, list[str]]:
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return None, problems
    problems += _frame_size(image, size) + _mode(image, ("RGB", "P"))
    colors = np.asarray(image.convert("RGB"))
    classes, known = images.colors_to_classes(colors)
    if not known.all():
        row, column = (int(place) for place in np.argwhere(~known)[0])
        color = tuple(int(value) for value in colors[row, column])
        problems.append(
            f"holds the colour {color} at row {row}, column {column}, which is not a class; "
            "loaders take it for background"
        )
    return classes, problems


def _index_label(
    path: Path, tree: Path, size: tuple[int, int] | None
) -> tuple[npt.NDArray[np.uint8] | None, list[str]]:
    image, problems = _image(path, tree, "PNG")
    if image is None:
        return None, problems
    problems += _frame_size(image, size) + _mode(image, ("L",))
    if image.mode != "L":
        return None, problems
    values = np.asarray(image)
    if int(values.max(initial=0)) >= len(AVSBENCH_CLASSES):
        problems.append(
            f"holds class index {int(values.max())}, but the last is {len(AVSBENCH_CLASSES) - 1}"
        )
    return values, problems


def check_wav(path: Path, tree: Path, examples: int) -> list[str]:
    """Check a wav file that must make so many VGGish examples."""
    try:
        channels, bits, rate = sound.wav_format(path, tree)
        problems = [] if channels == 1 else [f"has {channels} channels instead of one"]
        if (bits, rate) != (16, sound.SAMPLE_RATE):
            return [*problems, f"has {bits} bits at {rate} Hz instead of 16 bits at 16000 Hz"]
        length = len(sound.read_wav(path, tree))
    except DatasetError as error:
        return [without_path(error, path)]
    least, greatest = sound.sample_range(examples)
    if not least <= length <= greatest:
        problems.append(
            f"has {length} samples, but {examples} VGGish examples need {least} to {greatest}"
        )
    return problems


def check_log_mel(path: Path, tree: Path, wav: Path) -> list[str]:
    """Check a pickled log-mel tensor, also against the wav file it belongs to."""
    try:
        values = vggish.read_log_mel(path, tree)
    except DatasetError as error:
        return [without_path(error, path)]
    if values.dtype != np.float32 or values.shape != vggish.SHAPE:
        wanted = "x".join(str(side) for side in vggish.SHAPE)
        shape = "x".join(str(side) for side in values.shape)
        return [f"holds a {values.dtype} tensor {shape} instead of float32 {wanted}"]
    try:
        samples = sound.read_wav(wav, tree)
    except DatasetError:
        return []  # a finding of its own
    if len(samples) < sound.sample_range(1)[0]:
        return []
    error_size = float(np.abs(values - vggish.log_mel_examples(samples)).max())
    if not error_size <= LOG_MEL_TOLERANCE:
        return [f"is not the log-mel of {wav} (largest difference {error_size:.3g})"]
    return []


def check_video(path: Path, tree: Path) -> list[str]:
    """Check that an mp4 file is complete, by walking its top-level boxes."""
    try:
        with open_file(path, root=tree) as file:
            length = os.fstat(file.fileno()).st_size
            kinds: list[bytes] = []
            end = 0
            while end < length and len(kinds) < _MOST_BOXES:
                file.seek(end)
                head = file.read(16)
                size = int.from_bytes(head[:4], "big")
                kinds.append(head[4:8])
                # ISO 14496-12: 1 means that 64 bits follow, 0 that the box runs to the end.
                size = int.from_bytes(head[8:16], "big") if size == 1 else size or length - end
                end += size
                if size < 8:
                    break
    except ForeignFileError as error:
        return [error.problem]
    except OSError as error:
        return [f"cannot be read: {error.strerror}"]
    if not kinds or kinds[0] != b"ftyp" or b"moov" not in kinds or end != length:
        return ["is not a whole mp4 file"]
    return []


def _image(path: Path, tree: Path, kind: str) -> tuple[Image.Image | None, list[str]]:
    try:
        image = images.open_image(path, tree)
    except DatasetError as error:
        return None, [without_path(error, path)]
    return image, [] if image.format == kind else [f"is a {image.format} file instead of {kind}"]


def _mode(image: Image.Image, modes: tuple[str, ...]) -> list[str]:
    return [] if image.mode in modes else [f"has mode {image.mode} instead of {modes[0]}"]


def _object_size(image: Image.Image) -> list[str]:
    side = OBJECT_SIZE
    return (
        [] if image.size == (side, side) else [f"is {_size(image.size)} instead of {side}x{side}"]
    )


def _frame_size(image: Image.Image, size: tuple[int, int] | None) -> list[str]:
    if size is None or image.size == size:
        return []
    return [f"is {_size(image.size)} instead of its frame's {_size(size)}"]


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
