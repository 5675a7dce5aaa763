"""Soundtracks: decoded, mixed to the channels and the rate asked for, aligned to the picture.

Sound goes through a line of generators, each of which knows one thing: blocks as the decoder
gives them, with times that can be believed, collected into cells of five seconds; each cell mixed
and laid in its place (see `placing`); all of it brought to the rate asked for; and cut into
blocks as they are wanted. Nothing outlives the generator that is read.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import TypeAlias

import av
import av.audio.frame
import av.audio.stream
import av.container
import av.error
import av.filter
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import CodecContext
from av.stream import Discard

from napari_tavis.media.container import Stream, open_container
from napari_tavis.media.placing import (
    CELL_SECONDS,
    Block,
    Grid,
    Limiter,
    Piece,
    Placer,
    Samples,
    cells,
    loud_window,
    with_times,
)
from napari_tavis.media.timebase import SAMPLE_RATE, played_samples, sample_at

# Length of the blocks in which a soundtrack that is not wanted whole is decoded.
BLOCK_SECONDS = 10.0
_LAYOUTS = {1: "mono", 2: "stereo"}
_HEAD = 12  # blocks at the beginning of a track that show whether and how it is coded

_TRIED = 2000  # packets after which a track of which none could be decoded is given up
_RUN_UP = 1.5  # seconds decoded before the place asked for: codecs need a few packets to settle
_SETTLED = 0.6  # seconds of that which must really be there
_COMING_IN = 0.5  # seconds that a cell's own decoder is given to settle
# Codecs that put noise in place of what they left out, which depends on all that was decoded.
_MAKES_NOISE = frozenset("aac ac3 eac3".split())
_NEEDS_KEY_FRAMES = "xHE-AAC"  # the profile of AAC that cannot be decoded from just any packet on
_MISSING = 0.5  # seconds without sound, within a track, that are worth reporting
_READ_ERRORS = 100  # failed attempts to read on after which a file is taken to end
_LONG_GAP = 1.0  # seconds of silence that are not worth resampling
_AT_ONCE = 1 << 17  # samples that are given at once
_TAPS = 64  # samples, at the lower rate, beyond which the resampler's filter does not reach
# Amplitude from which on it is worth reporting that it had to be turned down: AAC alone takes a
# click of full scale to 1.3.
_TOO_LOUD = 1.5
# Power of a mix, as a share of what it would be if its channels had nothing to do with each other,
# below which they cancel each other: as two do that are each other's opposite but for a tenth.
_CANCELLED = 0.1


@dataclass(frozen=True)
class Track:
    """A sound track that can be decoded."""

    index: int  # of its stream in the file
    begin: float  # seconds on the picture's clock when its first block is heard
    grid: Grid | None  # where its blocks begin, if that is regular


class Sound:
    """The sound of a video file, on its picture's clock. Opens the file only to read.

    `streams` are its sound tracks in the file's order; `origin` is the time of the first video
    frame on the container's clock, and `duration` lasts from there to the end of the last frame,
    both in seconds. `seekable` says that the file's clock never restarts, so that a time means one
    place.
    """

    def __init__(
        self,
        path: Path,
        streams: Sequence[Stream],
        origin: Fraction,
        duration: float,
        *,
        seekable: bool = True,
    ) -> None:
        self._path = path
        self._streams = tuple(streams)
        self._origin = origin
        self._duration = duration
        self._seekable = seekable
        self._remarks: dict[str, None] = {}
        self._damaged = False

    @property
    def audible(self) -> bool:
        """Whether there is sound that can be decoded."""
        return self._track is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about the sound, one sentence each, as far as it was heard."""
        name = self._path.name
        found = []
        if not self._streams:
            found.append(f"{name} has no soundtrack.")
        elif self._track is None:
            found.append(f"The sound of {name} cannot be decoded; it is taken as silence.")
        else:
            order = [stream.index for stream in self._streams]
            used, wanted = order.index(self._track.index), order.index(self._order[0].index)
            if used != wanted:
                found.append(
                    f"Sound track {wanted + 1} of {name}, its default, cannot be decoded "
                    f"({self._order[0].codec}); number {used + 1} of {len(order)} is used."
                )
            elif len(order) > 1:
                found.append(f"{name} has {len(order)} sound tracks; number {used + 1} is used.")
        return (*found, *self._remarks)

    def whole(self, sample_rate: int = SAMPLE_RATE, channels: int = 1) -> npt.NDArray[np.float32]:
        """Decode all of the sound at once; see `Clip.soundtrack`."""
        count = played_samples(0.0, self._duration, sample_rate)
        result = np.zeros((count, channels), dtype=np.float32)
        at = 0
        for block in self.blocks(0.0, self._duration, sample_rate, channels):
            result[at : at + len(block)] = block.reshape(-1, channels)
            at += len(block)
        return result[:, 0] if channels == 1 else result

    def blocks(
        self,
        start: float,
        stop: float,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        speed: float = 1.0,
        block_seconds: float = BLOCK_SECONDS,
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Decode a stretch of the sound in blocks; see `Clip.sound_blocks`."""
        left = played_samples(start, stop, sample_rate, speed)
        size = max(1, sample_at(block_seconds, sample_rate))
        first, last = sample_at(start, sample_rate), sample_at(stop, sample_rate)
        with contextlib.closing(self._from(first, last, sample_rate, channels)) as parts:
            heard = parts if speed == 1.0 else _faster(parts, speed, sample_rate, channels)
            yield from _cut(heard, size, left, channels)

    # Which track

    @cached_property
    def _order(self) -> list[Stream]:
        """The tracks in the order in which they are tried: the default one, then as they come."""
        default = [stream for stream in self._streams if stream.default][:1]
        return [*default, *(stream for stream in self._streams if stream not in default)]

    @cached_property
    def _track(self) -> Track | None:
        """The first track that gives any sound."""
        for stream in self._order:
            if stream.decodable and (track := self._look_at(stream)) is not None:
                return track
        return None

    def _look_at(self, stream: Stream) -> Track | None:
        """Decode the beginning of a track; None where nothing comes out."""
        with _Reader(self._path, stream.index, self._origin) as reader:
            head = []
            for block in reader.blocks(limit=_TRIED):
                head.append(block)
                if len(head) == _HEAD:
                    break
            if not head:
                return None
            tick = 0.0 if reader.exact else reader.tick
            begin = next((block.time for block in head if block.time is not None), 0.0)
            return Track(stream.index, begin, Grid.of(head, tick))

    # Reading

    def _from(
        self, first: int, last: int, sample_rate: int, channels: int
    ) -> Generator[npt.NDArray[np.float32], None, None]:
        """Give the samples `first` to `last` ``[n, channels]``, in parts as they come."""
        track = self._track
        if track is None or last <= first:
            return
        # Begin at a window of the limiter, and early enough, so that it turns down the same as if
        # everything had been read.
        window = loud_window(sample_rate)
        at = (first // window - Limiter.AROUND) * window
        stop = (-(-last // window) + Limiter.AROUND) * window
        # The cell before shows where the sound of the one asked for begins.
        cell = math.floor(at / sample_rate / CELL_SECONDS) - 1
        limiter = Limiter(channels, window)
        pieces = self._pieces(track, cell, channels, stop / sample_rate + 1.0)
        with contextlib.closing(pieces):
            for part in limiter.limit(_resampled(pieces, sample_rate, channels, at, stop)):
                if limiter.loudest > _TOO_LOUD:
                    self._note("Sound of {name} beyond full scale is turned down.")
                asked = part[max(0, first - at) : max(0, last - at)]
                at += len(part)
                if len(asked):
                    yield asked

    def _pieces(
        self, track: Track, cell: int, channels: int, end: float
    ) -> Generator[Piece, None, None]:
        """Mix and place the sound from a cell on, until a time."""
        placer, mixer = Placer(track.grid), _Mixer(channels, self._note)
        with self._blocks_before(track, cell * CELL_SECONDS) as blocks:
            heard = self._noting_gaps(with_times(blocks))
            for number, collected in cells(heard):
                if number * CELL_SECONDS > end:
                    return
                if number >= cell:
                    for run, samples in mixer.mix(collected):
                        yield from placer.place(run, samples)

    @contextlib.contextmanager
    def _blocks_before(self, track: Track, time: float) -> Iterator[Iterator[_Decoded]]:
        """Open the file, and give a track's blocks from well before a time on."""
        back = _RUN_UP
        while self._seekable and time - back > max(track.begin, 0.0):
            with self._reader(track.index, time - back) as reader:
                blocks = reader.blocks()
                opening = next((block for block in blocks if block.time is not None), None)
                if opening is not None and (opening.time or 0.0) <= time - _SETTLED:
                    yield chain([opening], blocks)
                    return
            back = 4 * back + CELL_SECONDS  # the jump landed too late
        with self._reader(track.index) as reader:
            yield reader.blocks()

    def _reader(self, index: int, seek: float | None = None) -> _Reader:
        return _Reader(self._path, index, self._origin, seek, self._note_damage)

    def _noting_gaps(self, blocks: Iterable[_Decoded]) -> Iterator[_Decoded]:
        """Pass blocks on, and note where sound is missing between two of them."""
        end: float | None = None
        for block in blocks:
            begin = block.time or 0.0
            if end is not None and begin - end > _MISSING and begin > 0:
                self._note_damage(end)
            end = begin + block.count / block.rate
            yield block

    def _note_damage(self, time: float) -> None:
        """Remember where sound is missing; one place is enough."""
        if not self._damaged:
            self._damaged = True
            self._note(
                f"Sound of {{name}} is missing or damaged at {max(0.0, time):.1f} s, and perhaps "
                f"elsewhere; what is lost is taken as silence."
            )

    def _note(self, remark: str) -> None:
        """Remember what was noticed while the sound was read."""
        self._remarks.setdefault(remark.format(name=self._path.name), None)


_Packet: TypeAlias = "av.Packet[av.audio.stream.AudioStream]"


class _Reader:
    """An open file of which one sound track is decoded, from a time on.

    Some codecs fill up with noise what they left out, and continue it from packet to packet, so
    that the samples depend on where decoding began. Of these, each cell has a decoder of its own,
    which begins a little before it: a cell's samples are then the same wherever reading began.
    (WMA, Cook and ATRAC do so too, but their decoders cannot be set up again by PyAV: their
    noise, some thousandths of full scale, may differ.)

    `stream` is the track's number in the file, `origin` as in `Sound`. With `seek`, decoding begins
    before that second of the picture's clock; `on_damage` is called with the second where something
    could not be decoded.
    """

    def __init__(
        self,
        path: Path,
        stream: int,
        origin: Fraction,
        seek: float | None = None,
        on_damage: Callable[[float], None] = lambda time: None,
    ) -> None:
        self._on_damage = on_damage
        self._cell: int | None = None
        self._fresh: tuple[int, AudioCodecContext] | None = None
        self._end: float | None = None
        self._container = open_container(path)
        try:
            if seek is not None:
                with contextlib.suppress(av.error.FFmpegError):
                    self._container.seek(math.floor((Fraction(seek) + origin) * av.time_base))
            tracks = self._container.streams.audio
            self._stream = next(track for track in tracks if track.index == stream)
            self._decoder = self._stream.codec_context
            self._per_cell = (
                self._decoder.codec.canonical_name in _MAKES_NOISE
                and self._decoder.profile != _NEEDS_KEY_FRAMES
            )
            # Seconds of the picture's clock, in whole numbers up to the one division.
            base = self._stream.time_base or Fraction(1, av.time_base)
            self._unit = base.denominator * origin.denominator
            self._ticks = base.numerator * origin.denominator
            self._zero = origin.numerator * base.denominator
            for other in self._container.streams:
                if other.index != stream:
                    other.discard = Discard.all
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._container.close()

    @property
    def tick(self) -> float:
        """Seconds to which the container rounds its times."""
        return float(self._stream.time_base or 0)

    @property
    def exact(self) -> bool:
        """Whether every sample has a time of its own."""
        ticks = Fraction(1, self._stream.rate or 1) / (self._stream.time_base or 1)
        return ticks.denominator == 1

    def blocks(self, limit: int | None = None) -> Iterator[_Decoded]:
        """Decode on, past what is damaged; `limit` bounds the packets without any sound."""
        silent = 0
        for packet in self._packets():
            for frame in self._decoded(packet):
                if frame.samples and frame.rate > 0:
                    silent = 0
                    yield self._block(frame)
            silent += 1
            if limit is not None and silent > limit:
                return

    def _decoded(self, packet: _Packet) -> list[av.audio.frame.AudioFrame]:
        """Decode a packet; the empty one at the end gives what the decoder still holds."""
        if self._per_cell and packet.pts is not None:
            self._take_turns(packet, self._seconds(packet.pts))
        try:
            frames = self._decoder.decode(packet)
        except (av.error.FFmpegError, ValueError):
            self._damage()
            return []
        if packet.is_corrupt:
            self._damage()
        return frames

    def _take_turns(self, packet: _Packet, time: float) -> None:
        """Let the decoder of the next cell settle, and change over where that begins."""
        if packet.has_sidedata("new_extradata"):  # a new decoder would not know of it
            self._per_cell = False
            return
        cell = math.floor(time / CELL_SECONDS)
        coming = math.floor((time + _COMING_IN) / CELL_SECONDS)
        if self._cell is None:
            self._cell = cell
        if cell > self._cell:
            fresh = self._fresh
            self._decoder = fresh[1] if fresh and fresh[0] == cell else self._new_decoder()
            self._cell, self._fresh = cell, None
        if coming > self._cell:
            if self._fresh is None:
                self._fresh = coming, self._new_decoder()
            with contextlib.suppress(av.error.FFmpegError, ValueError):
                self._fresh[1].decode(packet)

    def _new_decoder(self) -> AudioCodecContext:
        known = self._stream.codec_context
        decoder = CodecContext.create(known.codec, "r")
        assert isinstance(decoder, AudioCodecContext)
        decoder.extradata = known.extradata
        return decoder

    def _damage(self) -> None:
        """Report damage, unless decoding just begins in the middle of things."""
        if self._end is not None:
            self._on_damage(self._end)

    def _packets(self) -> Iterator[_Packet]:
        for _ in range(_READ_ERRORS):
            try:
                yield from self._container.demux(self._stream)
                return
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, IndexError):  # the latter in streams made up by damage
                self._damage()

    def _seconds(self, stamp: int) -> float:
        return (stamp * self._ticks - self._zero) / self._unit

    def _block(self, frame: av.audio.frame.AudioFrame) -> _Decoded:
        time = None if frame.pts is None else self._seconds(frame.pts)
        self._end = (self._end or 0.0) if time is None else time
        self._end += frame.samples / frame.rate
        return _Decoded(time, frame.rate, frame.samples, frame.layout.name, frame)


@dataclass(slots=True)
class _Decoded(Block):
    """A block with its sound as the decoder gave it, and FFmpeg's name of its channels' layout."""

    layout: str
    frame: av.audio.frame.AudioFrame

    @property
    def kind(self) -> tuple[int, str, int, str]:
        """All that must be the same in blocks that are to be joined."""
        layout, sample = self.frame.layout, self.frame.format
        return self.rate, self.layout, layout.nb_channels, sample.name


_SCALES = {"u8": 2.0**-7, "s16": 2.0**-15, "s32": 2.0**-31, "s64": 2.0**-63}


def _joined(blocks: Sequence[_Decoded]) -> Samples:
    """Give the samples of blocks of one kind ``[channels, n]`` with 1 as full scale."""
    fifo = av.AudioFifo()
    for block in blocks:
        block.frame.pts = None
        fifo.write(block.frame)
    frame = fifo.read()
    assert frame is not None
    if frame.format.name.startswith("s64"):  # PyAV gives no array of these
        (frame,) = av.AudioResampler("dbl").resample(frame)
    given = frame.to_ndarray()
    if not frame.format.is_planar:
        given = given.reshape(frame.samples, -1).T
    samples: Samples = given.astype(np.float32, copy=False)
    kind = frame.format.name.removesuffix("p")
    if kind == "u8":  # the only unsigned one
        samples -= 128
    if kind in _SCALES:
        samples *= np.float32(_SCALES[kind])
    elif not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    return samples


# Mixing


@lru_cache(maxsize=64)
def _matrix(layout: str, count: int, channels: int) -> npt.NDArray[np.float32]:
    """Give FFmpeg's coefficients ``[channels, count]`` for a mix, scaled so as not to clip.

    They are what becomes of a sound in which one channel after another is 1 for a sample.
    """
    try:
        probe = av.AudioFrame.from_ndarray(np.eye(count, dtype=np.float32), "fltp", layout)
        probe.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler(
            "fltp", _LAYOUTS[channels], SAMPLE_RATE, options={"rematrix_maxval": "1"}
        )
        mixed = [*resampler.resample(probe), *resampler.resample(None)]
        return np.concatenate([frame.to_ndarray() for frame in mixed], axis=1)
    except (av.error.FFmpegError, ValueError):
        # Nobody knows where these channels belong.
        return np.full((channels, count), 1.0 / count, dtype=np.float32)


class _Mixer:
    """Mixes the channels of a cell's blocks to one or two."""

    def __init__(self, channels: int, note: Callable[[str], None]) -> None:
        self._channels = channels
        self._note = note

    def mix(self, blocks: Sequence[_Decoded]) -> Iterator[tuple[list[_Decoded], Samples]]:
        """Mix a cell: give runs of blocks of one rate, and their sound ``[channels, n]``.

        Whether channels cancel each other is judged by the whole cell.
        """
        runs = [list(run) for _, run in groupby(blocks, key=lambda block: block.kind)]
        heard = [_joined(run) for run in runs]
        kinds = [(run[0].layout, len(samples)) for run, samples in zip(runs, heard, strict=True)]
        mixed: list[Samples] = [_nothing(self._channels)] * len(runs)
        for kind in set(kinds):
            alike = [place for place, own in enumerate(kinds) if own == kind]
            mixes = self._mix_alike(_matrix(*kind, self._channels), [heard[n] for n in alike])
            for place, samples in zip(alike, mixes, strict=True):
                mixed[place] = samples
        together = zip(runs, mixed, strict=True)
        for _, group in groupby(together, key=lambda entry: entry[0][0].rate):
            entries = list(group)
            blocks_of_rate = [block for run, _ in entries for block in run]
            yield blocks_of_rate, np.concatenate([samples for _, samples in entries], axis=1)

    def _mix_alike(
        self, matrix: npt.NDArray[np.float32], parts: Sequence[Samples]
    ) -> list[Samples]:
        """Mix, but take the loudest channel where a mix leaves little of the channels."""
        mixed = [_mixed(matrix, part) for part in parts]
        mixes = np.count_nonzero(matrix, axis=1) > 1
        if not mixes.any():
            return mixed
        alone = np.sum([_power(part) for part in parts], axis=0)
        together = np.sum([_power(part) for part in mixed], axis=0)
        cancelled = np.flatnonzero(mixes & (together < _CANCELLED * (matrix**2 @ alone)))
        if not cancelled.size:
            return mixed
        self._note(
            "Channels of {name} cancel each other when they are mixed; the loudest of them is "
            "used instead."
        )
        chosen = matrix.copy()
        for row in cancelled:
            chosen[row] = 0.0
            chosen[row, int(np.argmax(alone * (matrix[row] != 0)))] = 1.0
        return [_mixed(chosen, part) for part in parts]


def _power(samples: Samples) -> npt.NDArray[np.float32]:
    """Give the power of each channel."""
    power: npt.NDArray[np.float32] = np.einsum("cn,cn->c", samples, samples)
    return power


def _mixed(matrix: npt.NDArray[np.float32], samples: Samples) -> Samples:
    """Mix channels; without BLAS, which would start threads for it."""
    if matrix.shape[0] == matrix.shape[1] and (matrix == np.eye(len(matrix))).all():
        return samples
    mixed = np.zeros((len(matrix), samples.shape[1]), dtype=np.float32)
    for row, channel in zip(*np.nonzero(matrix), strict=True):
        mixed[row] += matrix[row, channel] * samples[channel]
    return mixed


# The rate


class _Lane:
    """Resamples one run of sound, in step with the samples of all others at the new rate."""

    def __init__(self, rate: int, target: int, channels: int, start: int) -> None:
        self.rate, self._target, self._channels = rate, target, channels
        common = math.gcd(rate, target)
        unit = rate // common
        self.reach = math.ceil(_TAPS * max(1.0, target / rate))
        self._reach_in = math.ceil(_TAPS * max(1.0, rate / target))
        # A multiple of both samples' lengths: the filter's phases depend on where it begins.
        self.at = (start - self._reach_in) // unit * unit
        self.out = self.at * target // rate
        self._resampler = av.AudioResampler("fltp", _LAYOUTS[channels], target)
        self._fed = 0

    def feed(self, samples: Samples) -> Samples:
        """Take in what follows and give what comes out, ``[channels, n]``."""
        self.at += samples.shape[1]
        if self.rate == self._target or not samples.shape[1]:
            return samples
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), "fltp", _LAYOUTS[self._channels]
        )
        frame.sample_rate = self.rate
        frame.pts, frame.time_base = self._fed, Fraction(1, self.rate)
        self._fed += samples.shape[1]
        return self._joined(self._resampler.resample(frame))

    def finish(self) -> Samples:
        """Give what is left, ringing out into silence."""
        rest = self.feed(np.zeros((self._channels, self._reach_in), np.float32))
        if self.rate == self._target:
            return rest
        return np.concatenate([rest, self._joined(self._resampler.resample(None))], axis=1)

    def _joined(self, frames: Iterable[av.audio.frame.AudioFrame]) -> Samples:
        parts = [frame.to_ndarray() for frame in frames]
        return np.concatenate([np.zeros((self._channels, 0), np.float32), *parts], axis=1)


def _resampled(
    pieces: Iterable[Piece], target: int, channels: int, first: int, last: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Bring placed sound to one rate; give samples `first` to `last` ``[n, channels]``."""
    lane: _Lane | None = None
    at = first
    waiting = np.zeros((channels, 0), dtype=np.float32)

    def run(samples: Samples, end: bool = False) -> None:
        """Take sound through the lane, and add it to what waits to be given.

        It is added, as one run rings out while the next one begins.
        """
        nonlocal waiting
        assert lane is not None
        given = lane.finish() if end else lane.feed(samples)
        begin, lane.out = lane.out, lane.out + given.shape[1]
        given = given[:, max(0, at - begin) : max(0, last - begin)]
        begin = max(at, begin)
        stop = begin + given.shape[1]
        if begin < stop:
            if stop - at > waiting.shape[1]:
                waiting = np.pad(waiting, ((0, 0), (0, stop - at - waiting.shape[1])))
            waiting[:, begin - at : stop - at] += given

    def given_until(stop: int) -> Iterator[npt.NDArray[np.float32]]:
        nonlocal at, waiting
        while at < min(stop, last):
            count = min(stop - at, last - at, _AT_ONCE)
            part = waiting[:, :count]
            silence = np.zeros((channels, count - part.shape[1]), np.float32)
            at, waiting = at + count, waiting[:, count:].copy()
            yield np.concatenate([part, silence], axis=1).T

    for piece in pieces:
        if piece.start > (last / target + 1.0) * piece.rate:
            break
        gap = 0 if lane is None else piece.start - lane.at
        if lane is not None and (lane.rate != piece.rate or gap > _LONG_GAP * lane.rate):
            run(_nothing(channels), end=True)
            lane = None
        if lane is None:
            lane = _Lane(piece.rate, target, channels, piece.start)
            yield from given_until(lane.out - lane.reach)
            gap = piece.start - lane.at
        run(_nothing(channels, max(0, gap)))
        run(piece.samples[:, max(0, -gap) :])
        yield from given_until(lane.out - lane.reach)
        if at >= last:
            return
    if lane is not None:
        run(_nothing(channels), end=True)
    yield from given_until(at + waiting.shape[1])


def _nothing(channels: int, count: int = 0) -> Samples:
    """Give silence ``[channels, count]``."""
    return np.zeros((channels, count), dtype=np.float32)


def _faster(
    parts: Iterable[npt.NDArray[np.float32]], speed: float, rate: int, channels: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Play sound faster or slower at the same pitch."""
    graph = av.filter.Graph()
    source = graph.add(
        "abuffer",
        sample_rate=str(rate),
        sample_fmt="flt",
        channel_layout=_LAYOUTS[channels],
        time_base=f"1/{rate}",
    )
    tempo, sink = graph.add("atempo", str(speed)), graph.add("abuffersink")
    graph.link_nodes(source, tempo, sink).configure()

    def drained() -> Iterator[npt.NDArray[np.float32]]:
        while True:
            try:
                frame = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1, channels)

    at = 0
    for part in parts:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(part).reshape(1, -1), "flt", _LAYOUTS[channels]
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        at += len(part)
        graph.push(frame)
        yield from drained()
    graph.push(None)
    yield from drained()


def _cut(
    parts: Iterable[npt.NDArray[np.float32]], size: int, left: int, channels: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Cut sound into blocks of one size, `left` samples in all; silence where it ends early."""
    source = iter(parts)
    part = np.zeros((0, channels), dtype=np.float32)
    while left:
        block = np.zeros((min(size, left), channels), dtype=np.float32)
        filled = 0
        while filled < len(block):
            if not len(part):
                part = next(source, part)
                if not len(part):
                    break
            count = min(len(part), len(block) - filled)
            block[filled : filled + count] = part[:count]
            part, filled = part[count:], filled + count
        left -= len(block)
        yield block[:, 0] if channels == 1 else block
