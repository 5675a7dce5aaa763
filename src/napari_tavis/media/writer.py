"""Writing videos: H.264 and AAC in mp4, whole or not at all."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import EncodingError
from napari_tavis.media import ffmpeg
from napari_tavis.media.clip import open_clip
from napari_tavis.media.timebase import SAMPLE_RATE, frame_rate, frames_at, sample_at

# RGB becomes BT.709, and the file says so: untagged colour is guessed differently everywhere.
_PICTURE = (
    *("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"),
    *("-c:v", "libx264", "-preset", "fast", "-crf", "18"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
)
_LOSSLESS_PICTURE = ("-c:v", "libx264rgb", "-preset", "fast", "-qp", "0")  # RGB: not converted
_SOUND = ("-c:a", "aac", "-b:a", "128k")
_SOUND_RATE = 48_000  # of a stretch that is cut out


def write_video(
    path: str | Path,
    frames: Iterable[npt.ArrayLike],
    fps: float | Fraction,
    waveform: npt.ArrayLike | Iterator[npt.ArrayLike] | None = None,
    sample_rate: int = SAMPLE_RATE,
    *,
    lossless: bool = False,
) -> Path:
    """Write frames and sound as an H.264 and AAC mp4 file.

    The file appears whole or not at all: it is written under another name beside its place
    and moved there when complete. A file that is there already is replaced.

    Parameters
    ----------
    path : str or Path
        Where to write; its folder must exist.
    frames : iterable of array_like of uint8, each of shape (H, W, 3)
        The pictures (RGB), one after another; an array ``[n, H, W, 3]`` will do. An odd
        height or width grows by one row or column, a copy of the last one, because 4:2:0
        video has only even sizes.
    fps : float or Fraction
        Frames per second.
    waveform : array_like of float, shape (samples,) or (samples, channels), optional
        Sound in [-1, 1] that begins with the first frame. An iterator of such arrays is
        written one after another, as `Clip.sound_blocks` gives them.
    sample_rate : int
        Samples per second of `waveform`.
    lossless : bool
        Whether the frames come back exactly as they were, in their own size. Such a file is
        large, and not every player shows it.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    EncodingError
        If there are no frames, they are not all of one size, a number makes no sense, or the
        file cannot be written.
    """
    target = Path(path)
    rate = _rate(fps, target)
    pictures = _checked_pictures(frames, target, even=not lossless)
    first = next(pictures, None)
    if first is None:
        raise EncodingError(f"{target} was not written: there are no frames.")
    height, width, _ = first.shape
    with _replacing(target) as partial, contextlib.ExitStack() as stack:
        sound = [] if waveform is None else _sound_input(stack, waveform, sample_rate, target)
        arguments = [
            *("-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
            *("-framerate", str(rate), "-i", "pipe:0"),
            *sound,
            *("-map", "0:v", *(("-map", "1:a") if sound else ())),
            *(_LOSSLESS_PICTURE if lossless else _PICTURE),
            *(_SOUND if sound else ()),
            *("-movflags", "+faststart", "-f", "mp4", ffmpeg.url(partial)),
        ]
        _feed(arguments, chain([first], pictures), target)
    return target


def extract_segment(source: str | Path, target: str | Path, start: float, seconds: float) -> Path:
    """Write a stretch of a video as an H.264 and AAC mp4 file of constant frame rate.

    Its frame at time ``t`` is the one that the source shows at ``start + t``; its sound (48 kHz
    stereo) is what is heard then, absent if the source has none.

    Parameters
    ----------
    source : str or Path
        The video.
    target : str or Path
        Where to write; appears whole or not at all, as with `write_video`.
    start : float
        Seconds from the source's first frame.
    seconds : float
        Length. After the source's end its last frame remains, in silence.

    Raises
    ------
    MediaError
        If the source cannot be read, the stretch is not within it, or the target cannot be
        written.
    """
    with open_clip(source) as clip:
        if not (np.isfinite([start, seconds]).all() and 0 <= start < clip.duration and seconds > 0):
            raise EncodingError(
                f"{target} was not written: {source} lasts {clip.duration:.2f} s, which has no "
                f"stretch of {seconds} s from {start} s on."
            )
        rate = frame_rate(clip.times, clip.duration)
        count = max(1, round(seconds * rate))
        shown = frames_at(clip.times, start + np.arange(count) / float(rate))
        sound = None
        if clip.has_soundtrack:
            heard = clip.sound_blocks(start, start + seconds, sample_rate=_SOUND_RATE, channels=2)
            left = start + seconds - clip.duration
            silence = np.zeros((max(0, sample_at(left, _SOUND_RATE)), 2), dtype=np.float32)
            sound = chain(heard, [silence] if len(silence) else [])
        pictures = (clip.frames[int(index)] for index in shown)
        return write_video(target, pictures, rate, sound, _SOUND_RATE)


def _rate(fps: float | Fraction, target: Path) -> Fraction:
    """Turn a frame rate into a fraction that mp4 can hold."""
    if not np.isfinite(float(fps)) or not 0 < float(fps) <= 1000:
        raise EncodingError(
            f"{target} was not written: {fps} is no frame rate; give a number over 0, up to 1000."
        )
    return Fraction(fps).limit_denominator(1001)


def _checked_pictures(
    frames: Iterable[npt.ArrayLike], target: Path, even: bool
) -> Iterator[npt.NDArray[np.uint8]]:
    """Check the pictures one by one; grow odd sizes by one where even ones are needed."""
    shape: tuple[int, ...] | None = None
    for index, frame in enumerate(frames):
        picture = np.asarray(frame)
        if (
            picture.ndim != 3
            or picture.shape[2] != 3
            or picture.dtype != np.uint8
            or not picture.size
        ):
            raise EncodingError(
                f"{target} was not written: frame {index} must be uint8 of shape (H, W, 3), "
                f"but is {picture.dtype} of shape {picture.shape}."
            )
        if shape is not None and picture.shape != shape:
            raise EncodingError(
                f"{target} was not written: frame {index} has the shape {picture.shape}, "
                f"the frames before it {shape}."
            )
        shape = picture.shape
        grow = [(0, shape[0] % 2), (0, shape[1] % 2), (0, 0)]
        odd = shape[0] % 2 or shape[1] % 2
        yield np.pad(picture, grow, mode="edge") if even and odd else picture


def _sound_input(
    stack: contextlib.ExitStack,
    waveform: npt.ArrayLike | Iterator[npt.ArrayLike],
    sample_rate: int,
    target: Path,
) -> list[str]:
    """Put the sound into a temporary file and give the arguments that read it."""
    if sample_rate <= 0:
        raise EncodingError(f"{target} was not written: {sample_rate} is not a sample rate.")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="napari-tavis-")))
    raw, channels = folder / "sound.f32", 0
    with raw.open("wb") as file:
        for block in waveform if isinstance(waveform, Iterator) else (waveform,):
            sound = _checked_sound(block, channels, target)
            channels = sound.shape[1]
            file.write(np.ascontiguousarray(sound).data)
        if not file.tell():
            return []
    layout = ("-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels))
    return [*layout, "-i", ffmpeg.url(raw)]


def _checked_sound(block: npt.ArrayLike, channels: int, target: Path) -> npt.NDArray[np.float32]:
    """Give sound as ``[samples, channels]``, of as many channels as what came before it."""
    sound = np.asarray(block, dtype="<f4")
    if sound.ndim == 1:
        sound = sound[:, None]
    if (
        sound.ndim != 2
        or not 1 <= sound.shape[1] <= 8
        or sound.shape[1] != (channels or sound.shape[1])
        or not np.isfinite(sound).all()
    ):
        raise EncodingError(
            f"{target} was not written: the sound must be finite numbers of shape (samples,) "
            f"or (samples, channels), but has the shape {np.shape(block)}."
        )
    return sound


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to, and move it there if all went well."""
    if not target.parent.is_dir():
        raise EncodingError(f"{target} was not written: its folder does not exist; create it.")
    if target.is_dir():
        raise EncodingError(f"{target} was not written: a folder has that name.")
    partial = target.parent / f".{uuid.uuid4().hex}.partial.mp4"
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise EncodingError(f"{target} was not written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _feed(arguments: list[str], pictures: Iterable[npt.NDArray[np.uint8]], target: Path) -> None:
    """Run ffmpeg and pass it the pictures, raising what it complains about."""
    with tempfile.TemporaryFile() as log:
        # A file, not a pipe: a full pipe would stop ffmpeg while it is being fed.
        process = ffmpeg.start(arguments, log.fileno())
        try:
            for picture in pictures:
                if not _accepted(process, picture):
                    break
            _finish(process)
        finally:
            # If making a picture failed, ffmpeg still waits for more of them.
            process.kill()
            _finish(process)
        if process.returncode:
            log.seek(0)
            if process.returncode in ffmpeg.NO_ROOM:
                raise EncodingError(f"{target} was not written: its disk is full; make room there.")
            errors = ffmpeg.complaints(ffmpeg.text(log.read()).splitlines())
            raise EncodingError(
                f"{target} was not written: ffmpeg stopped with "
                f"{'; '.join(errors[:3]) or process.returncode}."
            )


def _accepted(process: subprocess.Popen[bytes], picture: npt.NDArray[np.uint8]) -> bool:
    """Pass on one picture; False where ffmpeg gave up, and its log says why."""
    assert process.stdin is not None
    try:
        process.stdin.write(np.ascontiguousarray(picture).data)
    except OSError:
        return False
    return True


def _finish(process: subprocess.Popen[bytes]) -> None:
    """Tell ffmpeg that this was all, and wait until it is done."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.wait()
