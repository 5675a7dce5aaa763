"""Pictures of the best and the worst clips: sound, frames, prediction, truth (figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, class_color
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.clips import stretched
from napari_tavis.lab.evaluation.prediction import ClipPrediction, Predictor
from napari_tavis.lab.evaluation.scores import ClipScores, Example
from napari_tavis.media import log_mel_by_second

CELL = 160  # width of a frame in the picture, in pixels

_GAP = 4
_SOUND_HEIGHT = 64
_MARGIN = 74
_SCENE_COLOR = (255, 200, 40)
_COLUMNS_OF_SOUND = 198
_LOUDEST, _SOFTEST = 1.6, -1.3

Picture = npt.NDArray[np.uint8]


def draw_examples(
    predictor: Predictor,
    dataset: Sequence[ClipAnnotation],
    clips: Sequence[ClipScores],
    count: int,
    size: int | None,
) -> list[Example]:
    """Draw ``count`` clips with the highest M_J, best first, and with the lowest, worst first.

    No clip is shown twice; those in which nothing sounds are at most among the worst. The scores
    are in the order of the dataset; ``size`` is that of the predictor's masks, None for the clips'
    own.
    """
    order = sorted(range(len(clips)), key=lambda number: (-clips[number].m_j, clips[number].name))
    best = [number for number in order if clips[number].empty < clips[number].frames][:count]
    worst = [number for number in reversed(order) if number not in best][:count]
    examples = []
    kinds: dict[Literal["best", "worst"], list[int]] = {"best": best, "worst": worst}
    for kind, numbers in kinds.items():
        for number in numbers:
            clip = dataset[number]
            picture = draw_clip(stretched(clip, size), predictor.predict(clip))
            examples.append(Example(kind, clip.name, clips[number].m_j, picture))
    return examples


def draw_clip(clip: ClipAnnotation, found: ClipPrediction) -> Picture:
    """Draw a clip in four rows: the sound of each frame's window, frames, prediction, truth.

    The prediction is the scene mask, and the classes by sound as labels.
    """
    height = round(CELL * clip.frames.shape[1] / clip.frames.shape[2])
    names = ("sound", "frames", "prediction", "truth")
    heights = (_SOUND_HEIGHT, height, height, height)
    columns = len(clip.frames)
    size = (_MARGIN + columns * (CELL + _GAP), sum(heights) + _GAP * len(heights))
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    rows = (
        sound_pictures(clip),
        list(clip.frames),
        [_prediction(clip, found, frame) for frame in range(columns)],
        [_truth(clip, frame) for frame in range(columns)],
    )
    top = 0
    for name, tall, pictures in zip(names, heights, rows, strict=True):
        draw.text((4, top + tall / 2), name, fill="black", font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            cell = Image.fromarray(picture).resize((CELL, tall), Image.Resampling.BILINEAR)
            sheet.paste(cell, (_MARGIN + column * (CELL + _GAP), top))
        top += tall + _GAP
    return np.asarray(sheet)


def sound_pictures(clip: ClipAnnotation) -> list[Picture]:
    """Draw the log-mel spectrogram of each frame's window, low frequencies at the bottom.

    Each is (128, 198, 3), dark where it is silent.
    """
    mel = log_mel_by_second(clip.waveform, len(clip.frames))[:, 0, ::-1]
    shares = np.clip((mel[..., :_COLUMNS_OF_SOUND] - _SOFTEST) / (_LOUDEST - _SOFTEST), 0, 1)
    tint = np.stack([shares, shares**2, 0.35 * shares + 0.1], axis=-1)
    return list((255 * tint).astype(np.uint8))


def _prediction(clip: ClipAnnotation, found: ClipPrediction, frame: int) -> Picture:
    """Draw the scene mask, and the queries' classes where they have any."""
    masks = [OverlayMask(found.scene[frame] > 0, _SCENE_COLOR)]
    classes = found.class_maps()[frame]
    return draw_masks(clip.frames[frame], masks + _class_masks(classes, filled=False))


def _truth(clip: ClipAnnotation, frame: int) -> Picture:
    """Draw what sounds in truth; a frame without a label is shown in grey."""
    picture = clip.frames[frame]
    if not clip.labelled[frame]:
        grey = picture.mean(-1, keepdims=True).astype(np.uint8)
        return np.repeat(grey, 3, axis=-1)
    masks = [OverlayMask(clip.masks[frame], _SCENE_COLOR)]
    if clip.class_map is not None:
        masks = _class_masks(clip.class_map[frame], filled=True)
    return draw_masks(picture, masks)


def _class_masks(class_map: npt.NDArray[np.uint8], *, filled: bool) -> list[OverlayMask]:
    """Give one mask per class, in its colour, with its name."""
    return [
        OverlayMask(
            class_map == index, class_color(int(index)), AVSBENCH_CLASSES[index], filled=filled
        )
        for index in np.unique(class_map)
        if index
    ]
