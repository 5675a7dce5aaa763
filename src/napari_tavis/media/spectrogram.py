"""Log-mel spectrograms as ImageBind's audio encoder expects them.

Kaldi's filter bank (``compute-fbank-feats``, Hann window) in numpy, with the padding and the
normalisation of ImageBind's audio loader.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from napari_tavis.media.timebase import SAMPLE_RATE, WINDOW_SECONDS, sample_at, window_starts

MEL_BINS = 128
MEL_FRAMES = 204  # spectrogram columns: 198 are computed from two seconds, the rest is zero
FRAME_LENGTH = SAMPLE_RATE * 25 // 1000  # samples of a spectrogram frame
FRAME_SHIFT = SAMPLE_RATE * 10 // 1000  # samples from one spectrogram frame to the next
LOG_FLOOR = float(np.log(np.finfo(np.float32).eps))  # the least log energy: that of silence

_WINDOW_SAMPLES = int(WINDOW_SECONDS * SAMPLE_RATE)
_FFT_LENGTH = 512
_LOW_FREQUENCY = 20.0  # Hz
_PRE_EMPHASIS = 0.97
_FLOOR = np.finfo(np.float32).eps
_MEAN = -4.268  # ImageBind's, of AudioSet
_DEVIATION = 9.138


def log_mel(waveform: npt.ArrayLike, starts: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Compute one normalised log-mel spectrogram per two-second window.

    Parameters
    ----------
    waveform : array_like of float, shape (samples,)
        Mono sound at 16 kHz, in [-1, 1].
    starts : array_like of float, shape (T,)
        Window starts in seconds, for example from `timebase.window_starts`. What a window
        holds beyond either end of the sound is silence.

    Returns
    -------
    ndarray of float32, shape (T, 1, 128, 204)
        Windows, one channel, mel bins (lowest first), time (10 ms each; columns past 198
        are zero before normalisation), as ``(log energy + 4.268) / 9.138``.

    Raises
    ------
    ValueError
        If `waveform` or `starts` is not one-dimensional, or a value is not finite.

    Notes
    -----
    The mean of each window is removed; 25 ms Hann windows every 10 ms, DC removal,
    pre-emphasis 0.97, power spectrum of 512 points, 128 mel bins from 20 Hz to 8 kHz, natural
    logarithm floored at the float32 epsilon (Girdhar et al., ImageBind, CVPR 2023).
    """
    sound = np.asarray(waveform, dtype=np.float32)
    begins = np.asarray(starts, dtype=np.float64)
    if sound.ndim != 1 or begins.ndim != 1:
        raise ValueError(
            f"The waveform and the window starts must each have one axis, not the shapes "
            f"{sound.shape} and {begins.shape}."
        )
    if not (np.isfinite(sound).all() and np.isfinite(begins).all()):
        raise ValueError("The waveform and the window starts must be finite numbers.")
    mel = np.zeros((begins.size, 1, MEL_BINS, MEL_FRAMES), dtype=np.float32)
    for index, begin in enumerate(begins):
        energies = filter_bank(_window(sound, sample_at(float(begin))))
        mel[index, 0, :, : len(energies)] = energies.T
    mel -= np.float32(_MEAN)
    mel /= np.float32(_DEVIATION)
    return mel


def log_mel_by_second(
    waveform: npt.ArrayLike, seconds: int, count: int | None = None
) -> npt.NDArray[np.float32]:
    """Compute the spectrograms of a clip with a frame a second, as in AVSBench: see `log_mel`.

    The clip lasts `seconds`, and has as many frames; `count` limits the windows to the first ones.
    """
    return log_mel(waveform, window_starts(seconds, float(seconds))[:count])


def _window(sound: npt.NDArray[np.float32], begin: int) -> npt.NDArray[np.float32]:
    """Cut ``[32000]`` samples from `begin` on, with silence beyond the ends, mean removed."""
    window = np.zeros(_WINDOW_SAMPLES, dtype=np.float32)
    first, last = max(begin, 0), min(begin + _WINDOW_SAMPLES, sound.size)
    if first < last:
        window[first - begin : last - begin] = sound[first:last]
    return window - window.mean(dtype=np.float64).astype(np.float32)


def filter_bank(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Compute Kaldi's log filter-bank energies of `FRAME_LENGTH` or more samples at 16 kHz.

    They are (frames, 128), natural logarithms, `LOG_FLOOR` at the least; frame ``i`` is of the
    samples ``[i * FRAME_SHIFT, i * FRAME_SHIFT + FRAME_LENGTH)``.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME_LENGTH)[::FRAME_SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    # Kaldi repeats the first sample to the left of a frame for its pre-emphasis.
    emphasised = np.empty_like(frames)
    emphasised[:, 1:] = frames[:, 1:] - _PRE_EMPHASIS * frames[:, :-1]
    emphasised[:, 0] = (1.0 - _PRE_EMPHASIS) * frames[:, 0]
    emphasised *= np.hanning(FRAME_LENGTH).astype(np.float32)
    spectrum = np.fft.rfft(emphasised, n=_FFT_LENGTH, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    energies: npt.NDArray[np.float32] = np.log(np.maximum(power @ _mel_matrix(), _FLOOR))
    return energies


def mel_bin(frequency: float) -> float:
    """Give the place of a frequency, 20 to 8,000 Hz, among the mel bins.

    It is the index of the bin whose centre it is, with fractions; -1 at 20 Hz, 128 at 8 kHz.
    """
    low, high, here = _mel(np.array([_LOW_FREQUENCY, SAMPLE_RATE / 2, frequency]))
    return float((here - low) / (high - low) * (MEL_BINS + 1) - 1)


@lru_cache(maxsize=1)
def _mel_matrix() -> npt.NDArray[np.float32]:
    """Build the triangular filters ``[257 frequencies, 128 mel bins]``, straight in mel."""
    edges = np.linspace(
        float(_mel(np.array(_LOW_FREQUENCY))), float(_mel(np.array(SAMPLE_RATE / 2))), MEL_BINS + 2
    )
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    frequencies = _mel(np.arange(_FFT_LENGTH // 2) * SAMPLE_RATE / _FFT_LENGTH)[:, None]
    rising = (frequencies - left) / (centre - left)
    falling = (right - frequencies) / (right - centre)
    matrix = np.zeros((_FFT_LENGTH // 2 + 1, MEL_BINS))  # Kaldi leaves Nyquist out
    matrix[:-1] = np.maximum(0.0, np.minimum(rising, falling))
    return matrix.astype(np.float32)


def _mel(frequency: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert Hz to Kaldi's (HTK's) mel scale."""
    return 1127.0 * np.log1p(frequency / 700.0)
