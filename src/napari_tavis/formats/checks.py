"""Reading back what an export wrote, to say what is wrong with it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from napari_tavis.avsbench import Violation, validate
from napari_tavis.formats import coco, davis
from napari_tavis.formats.overlay import overlay_file
from napari_tavis.formats.request import ExportRequest
from napari_tavis.media import MediaError, open_clip
from napari_tavis.tasks import CancelToken, Progress, no_progress


def check_export(
    request: ExportRequest,
    name: str,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[Violation]:
    """Check a clip that was exported, and the lists of its dataset.

    Parameters
    ----------
    request : ExportRequest
        As what it was exported.
    name : str
        The clip's name in the dataset.
    progress, cancel
        Of the job.

    Returns
    -------
    list of Violation
        Empty if all is well.
    """
    if request.format == "avsbench":
        return validate(request.root, names={name}, progress=progress, cancel=cancel)
    if request.format == "coco":
        return list(check_coco(request.root, request.split, name))
    if request.format == "davis":
        return list(check_davis(request.root, name))
    return list(_check_overlay(request.root, name))


def check_coco(root: Path, split: str, name: str) -> Iterator[Violation]:
    """Check a video of a COCO dataset, through COCO's own reader.

    Yields
    ------
    Violation
    """
    path = coco.annotation_file(root, split)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            data = COCO(str(path))
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        yield Violation(path, f"cannot be read by COCO's reader ({error})")
        return
    videos = [one for one in data.dataset.get("videos", []) if one.get("name") == name]
    if len(videos) != 1:
        yield Violation(path, f"lists {len(videos)} videos named {name!r}, not one")
        return
    video = videos[0]
    if not (root / video["file_name"]).is_file():
        yield Violation(root / video["file_name"], "is missing")
    size = (video["height"], video["width"])
    for image in data.dataset["images"]:
        if image["video_id"] != video["id"]:
            continue
        yield from _check_picture(root / "images" / image["file_name"], size)
        for one in data.imgToAnns[image["id"]]:
            problem = _mask_problem(data, one, size)
            if problem:
                yield Violation(path, f"annotation {one['id']} {problem}")


def _mask_problem(data: COCO, annotation: coco.Entry, size: tuple[int, int]) -> str:
    if annotation["category_id"] not in data.cats:
        return f"has the category {annotation['category_id']}, which is not listed"
    mask = data.annToMask(annotation)
    if mask.shape != size:
        return f"has a mask of {mask.shape[1]} x {mask.shape[0]} pixels"
    if int(mask.sum()) != annotation["area"]:
        return f"says its area is {annotation['area']}, but it is {int(mask.sum())}"
    box = [float(side) for side in rle.toBbox(annotation["segmentation"])]
    return "" if box == annotation["bbox"] else f"says its box is {annotation['bbox']}"


def check_davis(root: Path, name: str) -> Iterator[Violation]:
    """Check a video of a dataset in the format of DAVIS and YouTube-VOS.

    Yields
    ------
    Violation
    """
    found = davis.find_video(root, name)
    if found is None:
        yield Violation(root, f"lists no video {name!r}")
        return
    split, entry = found
    image_folder, mask_folder = (root / part for part in davis.video_parts(split, name))
    pictures = sorted(path.stem for path in image_folder.glob("*.jpg"))
    masks = sorted(path.stem for path in mask_folder.glob("*.png"))
    if pictures != masks:
        lacking = sorted(set(pictures) ^ set(masks))
        yield Violation(mask_folder, f"does not hold the frames of JPEGImages: {lacking[0]}")
    seen: dict[int, list[str]] = {int(number): [] for number in entry["objects"]}
    for stem in masks:
        path = mask_folder / f"{stem}.png"
        with Image.open(path) as image:
            if image.mode != "P":
                yield Violation(path, f"is in mode {image.mode}, not an indexed PNG")
                continue
            size, numbers = image.size, np.unique(np.asarray(image))
        yield from _check_picture(image_folder / f"{stem}.jpg", size[::-1])
        for number in (int(one) for one in numbers if one):
            if number not in seen:
                yield Violation(path, f"shows the object {number}, which meta.json lacks")
            else:
                seen[number].append(stem)
    for number, frames in seen.items():
        if frames != entry["objects"][str(number)]["frames"]:
            path = davis.meta_file(root, split)
            yield Violation(path, f"names other frames of {name}'s object {number} than show it")


def _check_picture(path: Path, size: tuple[int, int]) -> Iterator[Violation]:
    try:
        with Image.open(path) as image:
            image.load()
            found = (image.height, image.width)
    except (OSError, SyntaxError) as error:
        yield Violation(path, f"cannot be read as a picture ({error})")
        return
    if found != size:
        yield Violation(path, f"is {found[1]} x {found[0]} pixels, the masks {size[1]} x {size[0]}")


def _check_overlay(root: Path, name: str) -> Iterator[Violation]:
    path = overlay_file(root, name)
    try:
        open_clip(path).close()
    except MediaError as error:
        yield Violation(path, f"cannot be played ({error})")
