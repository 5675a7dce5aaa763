"""Another camera: the same scene, sound and masks, in another picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_tavis.lab.toyworld import sample_scene


def test_a_thermal_camera_changes_the_picture_alone() -> None:
    scene = sample_scene(3)
    thermal = replace(scene, camera="thermal")
    drawn, truth = scene.render(1.0, 64)
    heat, masks = thermal.render(1.0, 64)
    np.testing.assert_array_equal(masks, truth)
    np.testing.assert_array_equal(thermal.waveform(), scene.waveform())
    assert (heat == heat[..., :1]).all(), "grey"
    luminance = drawn.astype(float) @ [0.299, 0.587, 0.114]
    assert np.corrcoef(luminance.ravel(), heat[..., 0].ravel())[0, 1] < -0.95, "dark is bright"
    np.testing.assert_array_equal(heat, thermal.render(1.0, 64)[0], "the noise is the scene's")
