"""The sound device, through sounddevice (the extra "audio") and PortAudio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import NoSoundOutputError

# Called by the device's own thread with [samples, channels] to fill, and the time at which the
# first of them is heard, in seconds of the device's clock. It must not wait for anything.
Fill: TypeAlias = Callable[[npt.NDArray[np.float32], float], None]

_LATENCY = 0.2  # seconds that the device buffers: a busy interpreter must not make gaps


class SoundOutput(Protocol):
    """An open sound device."""

    sample_rate: int  # samples per second
    channels: int  # 1 or 2

    def start(self) -> None:
        """Begin to ask for sound."""

    def now(self) -> float:
        """Give the device's clock in seconds."""

    def close(self) -> None:
        """Fall silent at once, and release the device."""


def open_output(fill: Fill) -> SoundOutput:
    """Open the system's default sound output, which then waits for its `start`.

    `NoSoundOutputError` if sounddevice or PortAudio is not installed, there is no device, or it
    refuses; the message says so, and what to do.
    """
    sounddevice = _import()
    try:
        return _Device(sounddevice, fill)
    except sounddevice.PortAudioError:
        # PortAudio only knows the devices from when it started: make it look again.
        sounddevice._terminate()
        sounddevice._initialize()
    try:
        return _Device(sounddevice, fill)
    except sounddevice.PortAudioError as error:
        if not any(device["max_output_channels"] for device in sounddevice.query_devices()):
            raise NoSoundOutputError(
                "Playing without sound, since this computer has no sound output: connect one "
                "and play again."
            ) from error
        raise NoSoundOutputError(
            f"Playing without sound, since the sound output cannot be opened "
            f"({_reason(error)}): close what else uses it and play again."
        ) from error


def _import() -> Any:
    """Import sounddevice, or say what is missing."""
    try:
        import sounddevice
    except ImportError as error:
        raise NoSoundOutputError(
            "Playing without sound, since sounddevice is not installed: "
            "pip install 'napari-tavis[audio]'."
        ) from error
    except OSError as error:
        raise NoSoundOutputError(
            "Playing without sound, since the PortAudio library is missing: install it "
            "(Debian and Ubuntu: sudo apt install libportaudio2) and restart napari."
        ) from error
    except Exception as error:  # its PortAudioError, which cannot be named without it
        raise NoSoundOutputError(
            "Playing without sound, since this computer's sound system does not start "
            f"({_reason(error)}): check that other programs have sound."
        ) from error
    return sounddevice


def _reason(error: Exception) -> str:
    """Give PortAudio's message, without its numbers."""
    return str(error).split(" [")[0].rstrip(". :")


class _Device:
    """The default output as PortAudio opens it."""

    def __init__(self, sounddevice: Any, fill: Fill) -> None:
        self._error = sounddevice.PortAudioError
        try:
            device = sounddevice.query_devices(kind="output")
        except ValueError as error:  # there is a default, but it has no output
            raise sounddevice.PortAudioError(str(error)) from error
        self.sample_rate = round(device["default_samplerate"])
        self.channels = min(2, int(device["max_output_channels"]))
        self._fill = fill
        self._stream = sounddevice.OutputStream(
            samplerate=self.sample_rate,
            channels=self.channels,
            dtype="float32",
            latency=_LATENCY,
            callback=self._on_request,
        )

    def start(self) -> None:
        try:
            self._stream.start()
        except self._error as error:
            self.close()
            raise NoSoundOutputError(
                f"Playing without sound, since the sound output does not start ({_reason(error)}): "
                f"close what else uses it and play again."
            ) from error

    def now(self) -> float:
        return float(self._stream.time)

    def close(self) -> None:
        self._stream.close(ignore_errors=True)

    def _on_request(
        self, samples: npt.NDArray[np.float32], count: int, time: Any, status: Any
    ) -> None:
        heard_at = float(time.outputBufferDacTime)
        if heard_at < time.currentTime or heard_at == 0.0:  # not every system knows
            heard_at = float(time.currentTime or self._stream.time) + float(self._stream.latency)
        self._fill(samples, heard_at)
