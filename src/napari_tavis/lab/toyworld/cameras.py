"""What films a scene: the camera of all training clips, and one that no model has seen through.

A model that meets clips of another camera is what fine-tuning on corrected clips is for.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Camera: TypeAlias = Literal["colour", "thermal"]

CAMERAS: tuple[Camera, ...] = ("colour", "thermal")

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_GRAIN = 6.0
"""Standard deviation of the thermal camera's noise, in grey levels."""


def film(
    picture: npt.NDArray[np.uint8], camera: Camera, noise: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Show a drawn picture as a camera does.

    Parameters
    ----------
    picture : ndarray of uint8, shape (S, S, 3)
        Red, green and blue as drawn.
    camera : {"colour", "thermal"}
        The picture as it is; or grey, dark shown bright, with noise.
    noise : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    ndarray of uint8, shape (S, S, 3)
    """
    if camera == "colour":
        return picture
    heat = 255 - picture.astype(np.float32) @ _LUMINANCE
    heat += noise.normal(0, _GRAIN, heat.shape).astype(np.float32)
    grey = np.clip(heat, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
