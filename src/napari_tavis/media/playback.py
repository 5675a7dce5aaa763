"""Playing a passage of a clip: its sound is decoded ahead, and the device's clock leads the time.

A sound card has a crystal of its own: in ten minutes it is some ten or hundred milliseconds
ahead of the computer's clock, or behind. So the time in the video is counted in samples that
the device has really played, and the computer's clock only fills in between two reports.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import MediaError, NoSoundOutputError
from napari_tavis.media.clip import Clip
from napari_tavis.media.sound_output import Fill, SoundOutput, open_output
from napari_tavis.media.timebase import played_samples

_AHEAD = 2.0  # seconds of sound that are decoded ahead of the device
_BLOCK = 0.1  # seconds of sound in a block
_KEPT = 30.0  # longest repeated stretch, in seconds as heard, that is decoded once and kept
_PATIENCE = 2.0  # seconds without a sign of life after which a device is given up: it was unplugged
_JUMP = 0.05  # seconds by which a report may be off before it is a new beginning, not jitter
# Share of a report's error that is taken over: reports jitter by some milliseconds.
_SMOOTHING = 0.1
_POLL = 0.02  # seconds
_SILENT_RATE = 48_000  # samples per second that the clock counts where there is no device


@dataclass(frozen=True)
class Passage:
    """What is to be played of a clip; times are in seconds of the video."""

    begin: float  # where playing begins; before `last`
    first: float  # where it begins again, if it loops
    last: float  # the end of what is played
    loop: bool = False
    speed: float = 1.0  # seconds of the video per second

    def time_at(self, sample: float, sample_rate: int) -> float:
        """Give the time in the video, in seconds, once `sample` samples have been played.

        `sample_rate` is that of what is played. After the end it is `last`.
        """
        seconds_per_sample = self.speed / sample_rate
        opening, lap = self._passes(sample_rate)
        if sample < opening:
            return min(self.begin + max(sample, 0.0) * seconds_per_sample, self.last)
        if not self.loop or not lap:
            return self.last
        return min(self.first + (sample - opening) % lap * seconds_per_sample, self.last)

    def is_over(self, sample: float, sample_rate: int) -> bool:
        """Say whether everything has been played, once `sample` samples have."""
        opening, lap = self._passes(sample_rate)
        return sample >= opening and not (self.loop and lap)

    def _passes(self, sample_rate: int) -> tuple[int, int]:
        """Count the samples of the first pass, and of every further one."""
        return (
            played_samples(self.begin, self.last, sample_rate, self.speed),
            played_samples(self.first, self.last, sample_rate, self.speed),
        )


class SoundClock:
    """Knows which sample is heard, from what a sound device reports."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate  # that the device was asked for
        self._written = 0
        # Sample 0 was heard at this time of the device's clock, by the latest reports.
        self._zero: float | None = None
        self._latest = 0.0

    @property
    def written(self) -> int:
        """Samples that the device has taken."""
        return self._written

    def wrote(self, count: int, heard_at: float) -> None:
        """Take in a report; called by the device's callback, so that nothing here may wait.

        `count` samples were taken now, silence in their place not counted; the first of them will
        be heard at `heard_at`, in seconds of the device's clock.
        """
        reported = heard_at - self._written / self._rate
        zero = self._zero
        error = 0.0 if zero is None else reported - zero
        if zero is None or abs(error) > _JUMP:
            self._zero = reported
        else:
            self._zero = zero + _SMOOTHING * error
        self._written += count

    def sample_at(self, now: float) -> float:
        """Give the sample that is heard at a time of the device's clock, in seconds.

        It is never less than before, and never one that the device has not taken.
        """
        if self._zero is not None:
            heard = min((now - self._zero) * self._rate, float(self._written))
            self._latest = max(self._latest, heard)
        return self._latest


class SilentClock:
    """Counts the samples that would be heard, by the computer's clock in seconds alone."""

    def __init__(self, sample_rate: int, started: float, sample: float = 0.0) -> None:
        self._rate = sample_rate
        self._started = started
        self._sample = sample

    def sample_at(self, now: float) -> float:
        return self._sample + max(0.0, now - self._started) * self._rate


class SoundBuffer:
    """Sound on its way from the decoder's thread to the device's; neither waits for the other."""

    def __init__(self) -> None:
        # No lock: a deque is thread safe, and each counter is written by one thread alone.
        self._blocks: deque[npt.NDArray[np.float32]] = deque()
        self._put = 0
        self._taken = 0
        self._used = 0  # samples of the first block that are taken

    @property
    def waiting(self) -> int:
        """Samples that are ready."""
        return self._put - self._taken

    def put(self, block: npt.NDArray[np.float32]) -> None:
        """Add a block ``[samples, channels]``."""
        self._blocks.append(block)
        self._put += len(block)

    def fill(self, target: npt.NDArray[np.float32]) -> int:
        """Fill ``[samples, channels]`` with what is ready, then silence; give the samples moved."""
        done = 0
        while done < len(target) and self._blocks:
            block = self._blocks[0]
            count = min(len(block) - self._used, len(target) - done)
            target[done : done + count] = block[self._used : self._used + count]
            done += count
            self._used += count
            if self._used == len(block):
                self._blocks.popleft()
                self._used = 0
        target[done:] = 0.0
        self._taken += done
        return done


class Playback:
    """Plays one passage, once: make it, `start` it, ask it where it is, `stop` it.

    Opening the device and decoding happen in a thread of its own, once the playback `after` which
    it comes has let go of the device. Where no sound can be heard, the passage is played silently,
    by the computer's clock.
    """

    def __init__(
        self,
        clip: Clip,
        passage: Passage,
        after: Playback | None = None,
        open_output: Callable[[Fill], SoundOutput] = open_output,
    ) -> None:
        self.passage = passage
        self._clip = clip
        self._open_output = open_output
        self._buffer = SoundBuffer()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._output: SoundOutput | None = None
        self._sound: SoundClock | None = None
        self._silent: SilentClock | None = None
        self._rate = _SILENT_RATE
        self._sample = 0.0
        self._sign_of_life = 0.0
        self._why_silent: str | None = None
        self._thread = threading.Thread(
            target=self._run, args=(after,), name="playback", daemon=True
        )

    @property
    def why_silent(self) -> str | None:
        """Why nothing is heard, in a sentence; None where sound is heard."""
        return self._why_silent

    @property
    def over(self) -> bool:
        """Whether the passage has been played to its end."""
        return self.passage.is_over(self._now(), self._rate)

    @property
    def position(self) -> float:
        """What is heard now, in seconds of the video."""
        return self.passage.time_at(self._now(), self._rate)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Fall silent. The position stays where it was."""
        self._now()
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the device and the decoder are released; False if that takes longer."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _now(self) -> float:
        """Give the samples played so far, by the device's clock or else the computer's."""
        with self._lock:
            if self._stopped.is_set():
                pass  # it stays where it was
            elif self._silent is not None:
                self._sample = self._silent.sample_at(time.monotonic())
            elif self._output is not None and self._sound is not None:
                self._sample = self._sound.sample_at(self._output.now())
            return self._sample

    # In its own thread

    def _run(self, before: Playback | None) -> None:
        if before is not None:
            before.wait()
        if self._stopped.is_set():
            return
        if not self._clip.has_soundtrack:
            self._go_silent("Playing without sound, since this video has no soundtrack.")
            return
        try:
            output = self._open_output(self._fill)
        except NoSoundOutputError as error:
            self._go_silent(str(error))
            return
        try:
            self._sound = SoundClock(output.sample_rate)
            self._rate = output.sample_rate
            output.start()
            self._sign_of_life = time.monotonic()
            self._output = output
            self._feed(output)
        except MediaError as error:
            self._go_silent(str(error))
        finally:
            with self._lock:
                self._output = None
                output.close()

    def _feed(self, output: SoundOutput) -> None:
        """Decode ahead until all is played, the device dies, or nobody wants it any more."""
        ahead = round(_AHEAD * output.sample_rate)
        for block in self._blocks(output):
            while self._buffer.waiting >= ahead and self._goes_on():
                self._stopped.wait(_POLL)
            if not self._goes_on():
                return
            self._buffer.put(block)
        while self._goes_on() and not self.over:
            self._stopped.wait(_POLL)

    def _goes_on(self) -> bool:
        """Whether to play on; goes silent where the device no longer asks for sound."""
        if self._stopped.is_set():
            return False
        if time.monotonic() - self._sign_of_life > _PATIENCE:
            self._go_silent(
                "Playing on without sound, since the sound output has stopped: "
                "connect it again and play again."
            )
            return False
        return True

    def _blocks(self, output: SoundOutput) -> Iterator[npt.NDArray[np.float32]]:
        """Decode the passage, block by block; forever where it is repeated."""
        passage = self.passage

        def decode(start: float) -> Iterator[npt.NDArray[np.float32]]:
            blocks = self._clip.sound_blocks(
                start,
                passage.last,
                sample_rate=output.sample_rate,
                channels=output.channels,
                speed=passage.speed,
                block_seconds=_BLOCK,
            )
            return (block.reshape(-1, output.channels) for block in blocks)

        yield from decode(passage.begin)
        if not passage.loop:
            return
        if (passage.last - passage.first) / passage.speed > _KEPT:
            while True:
                yield from decode(passage.first)
        kept = list(decode(passage.first))
        while kept:
            yield from kept

    def _fill(self, target: npt.NDArray[np.float32], heard_at: float) -> None:
        """Give the device sound: its callback."""
        count = self._buffer.fill(target)
        if count and self._sound is not None:
            self._sound.wrote(count, heard_at)
        self._sign_of_life = time.monotonic()

    def _go_silent(self, why: str) -> None:
        """Play on by the computer's clock, from where the sound has got to."""
        self._now()
        with self._lock:
            self._silent = SilentClock(self._rate, time.monotonic(), self._sample)
            self._why_silent = why
