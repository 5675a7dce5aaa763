"""A scene of the toy world: what is seen and heard, at any time and any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.lab.toyworld.background import Background
from napari_tavis.lab.toyworld.objects import SceneObject, Voice
from napari_tavis.lab.toyworld.sounds import RATE, Wave

# "colour" films all training clips. A model that meets clips of another camera is what fine-tuning
# on corrected clips is for.
Camera: TypeAlias = Literal["colour", "thermal"]

WINDOW_SECONDS = 2.0  # the stretch of sound that the model hears with a frame

# an object sounds in a frame if it is audible for this much of the frame's window
AUDIBLE_SECONDS = 0.6

# below this it is silent; scenes avoid what lies between for the standard windows
INAUDIBLE_SECONDS = 0.1


_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_GRAIN = 6.0  # standard deviation of the thermal camera's noise, in grey levels


@dataclass(frozen=True, eq=False)
class Scene:
    """A small audio-visual world of one to three objects.

    No two objects are of one class: with two, nobody could tell which of them sounds.
    """

    seed: int  # what it was sampled from
    duration: float  # in seconds
    objects: tuple[SceneObject, ...]  # the visible ones, back to front; some of them silent
    offscreen: tuple[Voice, ...]  # heard but not seen; never of a visible object's class
    background: Background
    noise_level: float  # RMS of the noise floor, in decibels of full scale
    noise_color: float  # its lean to low frequencies, 0 to 1
    camera: Camera = "colour"  # training has seen only the first

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(thing.class_name for thing in self.objects)

    def render(
        self, time: float, size: int = 224
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Draw one frame (size, size, 3), and its exact instance map (size, size).

        In the map 0 is background and ``i + 1`` the visible part of object ``i``: a pixel belongs
        to an object where this covers more than half of it. The scene is the same at each size.
        """
        canvas = Image.fromarray(self.background.render(time, size))
        cover = np.zeros((len(self.objects), size, size), np.float32)
        for index, thing in enumerate(self.objects):
            sprite = thing.draw(time, size)
            if sprite is None:
                continue
            canvas.paste(sprite.image, (sprite.left, sprite.top), sprite.image)
            rows, columns = sprite.box
            alpha = np.asarray(sprite.image)[..., 3].astype(np.float32) / 255
            cover[:index, rows, columns] *= 1 - alpha  # what it hides of those behind
            cover[index, rows, columns] = alpha
        instances = np.zeros((size, size), np.uint8)
        for index, covered in enumerate(cover):
            instances[covered > 0.5] = index + 1
        # the frame's own noise: the same however often and in which order frames are drawn
        noise = np.random.default_rng((self.seed, 11, round(1000 * time)))
        return film(np.asarray(canvas), self.camera, noise), instances

    def waveform(self, only: Sequence[int] | None = None) -> Wave:
        """Synthesise the soundtrack at 16 kHz, from -1 to 1.

        It is the scene's true mixture with off-screen sounds. With ``only``, the objects to hear,
        each sounds throughout the clip, over the noise floor; ``[]`` is the noise floor alone.
        """
        total = self._noise()
        if only is None:
            voices = [thing.voice for thing in self.objects] + list(self.offscreen)
            for voice in voices:
                if voice.active is not None:
                    total += voice.gated(self.duration)
        else:
            for index in only:
                total += self.objects[index].voice.continuous(self.duration)
        return _limited(total)

    def sounding(self, starts: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Compute which objects sound in which windows of two seconds: (windows, objects).

        Windows are given by their starts. An object sounds if it is audible for at least 0.6 s of
        the window. A pulsed sound counts as audible between its pulses.
        """
        result = np.zeros((len(starts), len(self.objects)), bool)
        for index, thing in enumerate(self.objects):
            overlap = audible_seconds(thing.voice.active, starts, self.duration)
            result[:, index] = overlap >= AUDIBLE_SECONDS
        return result

    def _noise(self) -> Wave:
        rng = np.random.default_rng((self.seed, 7))
        white = rng.standard_normal(round(self.duration * RATE), dtype=np.float32)
        low = np.convolve(white, np.full(8, 1 / np.sqrt(8), np.float32), "same")
        noise = white + np.float32(self.noise_color) * (low - white)
        rms = float(np.sqrt(np.mean(np.square(noise)))) + 1e-9
        return noise * np.float32(10 ** (self.noise_level / 20) / rms)


def audible_seconds(
    active: tuple[float, float] | None,
    starts: Sequence[float] | npt.NDArray[np.float64],
    duration: float,
) -> npt.NDArray[np.float64]:
    """Give how long a sound is on within each window of two seconds, none after the clip's end."""
    first = np.asarray(starts, dtype=np.float64)
    if active is None:
        return np.zeros(len(first))
    last = np.minimum(first + WINDOW_SECONDS, duration)
    return np.maximum(0.0, np.minimum(last, active[1]) - np.maximum(first, active[0]))


def _limited(wave: Wave, knee: float = 0.8) -> Wave:
    """Bend peaks above the knee softly, so that no sample exceeds 1."""
    high = np.abs(wave) > knee
    if high.any():
        peaks = wave[high]
        bent = knee + (1 - knee) * np.tanh((np.abs(peaks) - knee) / (1 - knee))
        wave[high] = np.sign(peaks) * bent
    return wave


def film(
    picture: npt.NDArray[np.uint8], camera: Camera, noise: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Show a drawn picture (S, S, 3) as a camera does.

    That is as drawn; or, by the thermal one, grey, with dark shown bright and noise.
    """
    if camera == "colour":
        return picture
    heat = 255 - picture.astype(np.float32) @ _LUMINANCE
    heat += noise.normal(0, _GRAIN, heat.shape).astype(np.float32)
    grey = np.clip(heat, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
