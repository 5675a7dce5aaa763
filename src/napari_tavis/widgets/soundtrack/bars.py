"""Where each object sounds, as bars along the time axis. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, FrameStatus

_LEVELS = 16  # steps of a bar's height: neighbours of the same step become one bar
_TOUCHING = 1e-6  # seconds: bars less far apart than this become one

_STATUSES = list(FrameStatus)


@dataclass(frozen=True)
class Bar:
    """A stretch in which an object has the same status and the same score."""

    start: float  # seconds
    stop: float
    status: FrameStatus
    score: float  # height of the bar, 0 to 1: the model's score; 1 where a person made the mask


def object_bars(
    session: AnnotationSession,
    object_id: int,
    times: npt.NDArray[np.float64],
    duration: float,
) -> list[Bar]:
    """Give the bars of an object, ascending; none where it has no mask.

    `times` are the presentation times of all frames of the video, `duration` its length, both in
    seconds. The bar of a sampled frame reaches half-way to the next sampled frame on either side,
    so that the bars fill the time between them; any other frame's is as long as it is shown.
    """
    statuses, scores = session.statuses(object_id), session.scores(object_id)
    frames = np.fromiter(statuses, np.int64, len(statuses))
    if not len(frames):
        return []
    codes = np.array([_STATUSES.index(status) for status in statuses.values()])
    given = np.array([scores.get(frame, 1.0) for frame in statuses])
    given[codes == _STATUSES.index(FrameStatus.EDITED)] = 1.0
    levels = np.maximum(1, np.rint(given * _LEVELS)).astype(int)
    starts, stops = _cells(frames, np.asarray(session.frame_indices), times, duration)
    # A bar begins where status or height change, or where there is a gap before.
    alike = (codes[1:] == codes[:-1]) & (levels[1:] == levels[:-1])
    begins = np.flatnonzero(np.r_[True, ~(alike & (starts[1:] - stops[:-1] < _TOUCHING))])
    ends = np.r_[begins[1:], len(frames)] - 1
    return [
        Bar(
            float(starts[begin]),
            float(stops[end]),
            _STATUSES[codes[begin]],
            levels[begin] / _LEVELS,
        )
        for begin, end in zip(begins, ends, strict=True)
    ]


def _cells(
    frames: npt.NDArray[np.int64],
    sampled: npt.NDArray[np.int64],
    times: npt.NDArray[np.float64],
    duration: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give where the bars of frames begin and end, in seconds."""
    ends = np.append(times[1:], duration)
    starts, stops = times[frames], ends[frames]
    if not len(sampled):
        return starts, stops
    middles = times[sampled]
    borders = np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [duration]])
    place = np.searchsorted(sampled, frames)
    place = np.minimum(place, len(sampled) - 1)
    is_sampled = sampled[place] == frames
    # Where the frames next to a sampled one are annotated too, each keeps to its own time.
    alone = is_sampled & ~np.isin(frames - 1, frames) & ~np.isin(frames + 1, frames)
    wide_start, wide_stop = borders[place], borders[place + 1]
    return np.where(alone, wide_start, starts), np.where(alone, wide_stop, stops)
