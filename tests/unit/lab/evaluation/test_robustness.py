from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.prediction import Predictor
from napari_tavis.lab.evaluation.robustness import RobustnessTest, heard_classes, white_noise
from napari_tavis.model import TAViS


def test_noise_is_as_loud_as_the_clip_and_always_the_same(clips: list[ClipAnnotation]) -> None:
    noise = white_noise(clips[0])
    assert np.array_equal(noise, white_noise(clips[0]))
    assert not np.array_equal(noise, white_noise(clips[2]))
    assert noise.std() == pytest.approx(np.sqrt(np.mean(clips[0].waveform ** 2)), rel=0.05)
    assert np.abs(noise).max() <= 1
    silent = replace(clips[0], waveform=np.zeros(80_000, np.float32))
    assert white_noise(silent).std() == pytest.approx(0.05, rel=0.05)


def test_what_does_not_sound_is_counted_by_sound(
    clips: list[ClipAnnotation], toy_model: TAViS
) -> None:
    predictor = Predictor(toy_model, "independent", image_embedding=False)
    test = RobustnessTest(predictor, clips)
    for number, clip in enumerate(clips):
        test.add(number, clip, clip, predictor.predict(clip))
    own, silence, _noise, off_screen = test.scores()
    assert own.sound == "own sound"
    assert own.overlap > 0.5, "the bundled model knows toy clips"
    assert silence.segmented < 0.02
    assert silence.alarms == 0
    assert silence.overlap < own.overlap
    assert off_screen.clips == 3
    assert [row.clips for row in test.scores()] == [3, 3, 3, 3]


def test_off_screen_sounds_are_of_other_classes(
    clips: list[ClipAnnotation], toy_model: TAViS
) -> None:
    predictor = Predictor(toy_model, "independent", image_embedding=False)
    assert heard_classes(clips[0]) == {"bell", "train"}
    twins = [clips[0], replace(clips[0], name="twin")]
    test = RobustnessTest(predictor, twins)
    for number, clip in enumerate(twins):
        test.add(number, clip, clip, predictor.predict(clip))
    *_, off_screen = test.scores()
    assert off_screen.clips == 0, "all that could be heard is in the picture"


def test_a_short_sound_goes_on_through_a_long_clip(
    clips: list[ClipAnnotation], toy_model: TAViS
) -> None:
    predictor = Predictor(toy_model, "independent", image_embedding=False)
    short = replace(clips[2], waveform=clips[2].waveform[:30_000])
    sound = RobustnessTest(predictor, [clips[0], short])._off_screen(0, clips[0])
    assert sound is not None
    assert sound.shape == clips[0].waveform.shape
    assert np.array_equal(sound[30_000:60_000], short.waveform)
