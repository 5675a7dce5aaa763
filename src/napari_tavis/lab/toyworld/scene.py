"""A scene of the toy world: what is seen and heard, at any time and any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.lab.toyworld.background import Background
from napari_tavis.lab.toyworld.cameras import Camera, film
from napari_tavis.lab.toyworld.objects import SceneObject, Voice
from napari_tavis.lab.toyworld.tones import RATE, Wave

WINDOW_SECONDS = 2.0
"""Length of the stretch of sound that the model hears with a frame (network.md)."""

AUDIBLE_SECONDS = 0.6
"""An object sounds in a frame if it is audible for at least this much of the frame's window."""

INAUDIBLE_SECONDS = 0.1
"""Below this much it is silent; scenes avoid what lies between for the standard windows."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A small audio-visual world of one to three objects.

    No two objects are of one class: with two, nobody could tell which of them sounds.

    Parameters
    ----------
    seed : int
        What it was sampled from.
    duration : float
        Length in seconds.
    objects : tuple of SceneObject
        The visible objects, back to front; some of them silent.
    offscreen : tuple of Voice
        What is heard but not seen; never of a visible object's class.
    background : Background
        What is behind them.
    noise_level, noise_color : float
        RMS of the noise floor in decibels of full scale, and its lean to low frequencies, 0 to 1.
    camera : {"colour", "thermal"}
        What films it; training has seen the first alone.
    """

    seed: int
    duration: float
    objects: tuple[SceneObject, ...]
    offscreen: tuple[Voice, ...]
    background: Background
    noise_level: float
    noise_color: float
    camera: Camera = "colour"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the visible objects."""
        return tuple(thing.class_name for thing in self.objects)

    def render(
        self, time: float, size: int = 224
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Draw one frame and its exact instance map.

        A pixel belongs to an object where the object's visible part covers more than half of it.

        Parameters
        ----------
        time : float
            Seconds since the clip began.
        size : int
            Side of the frame in pixels; the scene is the same at each size.

        Returns
        -------
        picture : ndarray of uint8, shape (size, size, 3)
            Red, green and blue.
        instances : ndarray of uint8, shape (size, size)
            0 background, ``i + 1`` the visible part of object ``i``.
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
            cover[:index, rows, columns] *= 1 - alpha
            cover[index, rows, columns] = alpha
        instances = np.zeros((size, size), np.uint8)
        for index, covered in enumerate(cover):
            instances[covered > 0.5] = index + 1
        noise = np.random.default_rng((self.seed, 11, round(1000 * time)))
        return film(np.asarray(canvas), self.camera, noise), instances

    def waveform(self, only: Sequence[int] | None = None) -> Wave:
        """Synthesise the soundtrack.

        Parameters
        ----------
        only : sequence of int, optional
            Objects to hear, each as if it sounded throughout the clip, over the noise floor; ``[]``
            is the noise floor alone. By default, the scene's true mixture with off-screen sounds.

        Returns
        -------
        ndarray of float32, shape (16000 * duration,)
            From -1 to 1, at 16 kHz.
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
        """Say which objects sound in which windows of two seconds.

        Parameters
        ----------
        starts : sequence of float
            Beginnings of the windows in seconds.

        Returns
        -------
        ndarray of bool, shape (windows, objects)
            Whether the object is audible for at least 0.6 s of the window. A pulsed sound counts as
            audible between its pulses.
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
    """Give how long a sound is on within each window of two seconds.

    Parameters
    ----------
    active : tuple of float or None
        Start and end of the sound; None never sounds.
    starts : sequence of float
        Beginnings of the windows in seconds.
    duration : float
        Where the clip, and so the last window at the latest, ends.

    Returns
    -------
    ndarray of float64, shape (windows,)
    """
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
