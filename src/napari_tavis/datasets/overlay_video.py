"""An mp4 with the masks drawn over the video, and its sound: to look at, and to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.files import Violation
from napari_tavis.datasets.names import Split
from napari_tavis.datasets.tracks import StoredVideo, TrackedVideo, VideoDataset
from napari_tavis.datasets.transaction import commit, staging_folder, tree_lock
from napari_tavis.media import MediaError, frames_at, open_clip, write_video
from napari_tavis.media.timebase import frame_rate

_SOUND_RATE = 48_000


def overlay_file(root: Path, name: str) -> Path:
    return root / f"{name}.mp4"


class OverlayVideos(VideoDataset):
    """Videos with the masks drawn over them, in a folder; there is no list of them."""

    title = "overlay"

    def videos(self, root: Path) -> list[StoredVideo]:
        """List none: they are nobody's training data."""
        return []

    def find(self, root: Path, name: str) -> StoredVideo | None:
        return StoredVideo(name, "train") if overlay_file(root, name).exists() else None

    def place(self, root: Path, split: Split, name: str) -> Path:
        return overlay_file(root, name)

    def lines(self, split: Split, video: TrackedVideo) -> tuple[str, ...]:
        clip = video.clip
        sound = "with sound" if clip.has_soundtrack else "without sound: the video has none"
        return (f"{video.name}.mp4: {clip.duration:.1f} s {sound}",)

    def write(
        self,
        root: Path,
        split: Split,
        video: TrackedVideo,
        overwrite: bool,
        task: Task,
    ) -> list[str]:
        """Draw the masks over every frame of a video, and keep its sound.

        In an annotated frame, masks are filled with the colours of the classes. The frames between
        two of them show the masks of the nearer one as outlines, so that nobody takes them for
        annotations. Frames and sound are streamed: a long video costs time, not memory.
        """
        clip, target = video.clip, overlay_file(root, video.name)
        self.replaced(root, video.name, overwrite)
        rate = frame_rate(clip.times, clip.duration)
        count = max(1, round(clip.duration * rate))
        shown = frames_at(clip.times, np.arange(count) / float(rate))
        drawn = _drawn(video, shown, task)
        sound = None
        if clip.has_soundtrack:
            sound = clip.sound_blocks(sample_rate=_SOUND_RATE, channels=2)
        with staging_folder(root) as staging:
            write_video(staging / target.name, drawn, rate, sound, _SOUND_RATE)
            with tree_lock(root):
                self.replaced(root, video.name, overwrite)
                commit(root, staging, (PurePosixPath(target.name),), (), {})
        return []

    def check(self, root: Path, split: Split, name: str) -> Iterator[Violation]:
        """Check that it can be played."""
        path = overlay_file(root, name)
        try:
            open_clip(path).close()
        except MediaError as error:
            yield Violation(path, f"cannot be played ({error})")


def _drawn(
    video: TrackedVideo,
    shown: npt.NDArray[np.intp],
    task: Task,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw the frames one by one; masks are decoded once for a run of frames that share them."""
    clip = video.clip
    stands_for = nearest_annotated(video.frames, clip.times)[shown]
    held, masks = -1, []
    for done, (frame, annotated) in enumerate(zip(shown, stands_for, strict=True)):
        task.check()
        task.report(done, len(shown), "drawing")
        if annotated != held:  # masks are decoded once for the frames that share them
            held, masks = int(annotated), list(video.shown(int(annotated)))
        exact = int(frame) == held
        drawn = [
            OverlayMask(mask, track.color, track.class_name, filled=exact) for track, mask in masks
        ]
        yield draw_masks(np.asarray(clip.frames[int(frame)]), drawn)


def nearest_annotated(
    frames: Sequence[int], times: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """Return for every frame of a video the annotated one that is nearest in time, (n,).

    `frames` are the annotated ones, ascending, at least one; `times`, (n,), are in seconds. Of two
    at the same distance, the earlier one is taken.
    """
    annotated = np.asarray(frames, dtype=np.intp)
    # A frame belongs to the annotated one on its side of the middle between two.
    middles = (times[annotated[1:]] + times[annotated[:-1]]) / 2
    return annotated[np.searchsorted(middles, times, side="left")]
