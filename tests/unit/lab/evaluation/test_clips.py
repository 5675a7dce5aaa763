from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.clips import EvaluationClips, stretched, with_category


def test_readers_follow_each_other(clips: list[ClipAnnotation]) -> None:
    joined = EvaluationClips(clips[:1], [], clips[1:])
    assert len(joined) == 3
    assert [clip.name for clip in joined] == [clip.name for clip in clips]
    assert joined[-1].name == clips[2].name
    assert [clip.name for clip in joined[1:]] == [clip.name for clip in clips[1:]]
    with pytest.raises(IndexError):
        joined[3]
    assert len(EvaluationClips()) == 0


def test_a_category_tells_the_class_where_nothing_else_does(clips: list[ClipAnnotation]) -> None:
    helicopter = AVSBENCH_CLASSES.index("helicopter")
    clip = replace(clips[1], class_map=None, scene_mask=clips[1].masks, category="helicopter")
    told = with_category(clip)
    assert told.class_map is not None
    assert np.array_equal(told.class_map == helicopter, clips[1].masks)
    assert with_category(replace(clip, category="spaceship")).class_map is None
    assert with_category(clips[0]) is clips[0]


def test_labels_are_stretched_and_no_class_is_made_up(clips: list[ClipAnnotation]) -> None:
    wide = replace(clips[0], frames=clips[0].frames[:, :60], class_map=clips[0].class_map[:, :60])
    assert stretched(wide, None) is wide
    square = stretched(wide, 224)
    assert square.frames.shape == (5, 224, 224, 3)
    assert square.class_names == wide.class_names
    share, expected = square.masks.mean((1, 2)), wide.masks.mean((1, 2))
    assert share == pytest.approx(expected, abs=0.01)
    assert stretched(square, 224) is square
    scene = stretched(replace(wide, class_map=None, scene_mask=wide.masks), 224)
    assert np.array_equal(scene.masks, square.masks)
