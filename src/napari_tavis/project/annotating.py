"""A video file to a saved session with overlay pictures: one call for scripts and commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.annotation import (
    AnnotationSession,
    find_session,
    folder_elsewhere,
    holds_session,
)
from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.boundary import UnwritablePlaceError, require_writable
from napari_tavis.core.errors import TavisError
from napari_tavis.core.files import is_utf8, shown
from napari_tavis.core.tasks import CancelToken, Progress, no_progress

if TYPE_CHECKING:
    from napari_tavis.media import Clip
    from napari_tavis.model import TAViS


@dataclass(frozen=True)
class Annotation:
    """What `annotate_video` wrote.

    Parameters
    ----------
    session : AnnotationSession
        The session, saved.
    pictures : tuple of Path
        One overlay picture per sampled frame.
    warnings : tuple of str
        What is wrong with the video, the sound or the session, a sentence each.
    """

    session: AnnotationSession
    pictures: tuple[Path, ...]
    warnings: tuple[str, ...]

    def summary(self) -> str:
        """Say in one line what was found, and where it is."""
        objects = [item for item in self.session.objects if item.kind == "object"]
        found = ", ".join(f"{item.class_name} ({item.score:.2f})" for item in objects)
        return f"{self.session.path}: {found or 'nothing that sounds'}"


def session_paths(videos: Sequence[Path], output: Path | None) -> list[Path]:
    """Give the session file of each video.

    Parameters
    ----------
    videos : sequence of Path
        The videos.
    output : Path or None
        The folder for all sessions; None for beside each video, where napari looks for it.

    Returns
    -------
    list of Path
        ``<video>.tavis`` for each video; without `output` the session that a video has already,
        wherever it is kept.

    Raises
    ------
    TavisError
        If one is no name of a file, or two videos would share a session.
    """
    for path in (*videos, *((output,) if output is not None else ())):
        if not is_utf8(path.absolute()):
            raise TavisError(f"{shown(path)} is not UTF-8 throughout: rename the file or folder.")
    for video in videos:
        if not video.name:
            raise TavisError(f"{str(video)!r} names no video: give the path of a video file.")
    paths = [AnnotationSession.default_path(video) for video in videos]
    if output is None:
        paths = [find_session(video) or path for video, path in zip(videos, paths, strict=True)]
    else:
        paths = [output / path.name for path in paths]
    for position, path in enumerate(paths):
        if path in paths[:position]:
            raise TavisError(
                f"Two of the videos would share the session {path}: annotate them one by one "
                "with different output folders."
            )
    return paths


def annotate_video(
    video: Path,
    model: TAViS,
    path: Path,
    *,
    fps: float = 1.0,
    vocabulary: Sequence[str] | None = None,
    device: str = "auto",
    model_name: str | None = None,
    may_move: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Annotation:
    """Segment what sounds in a video, save it as a session and draw it.

    Parameters
    ----------
    video : Path
        The video.
    model : TAViS
        The network, from `napari_tavis.model.load_model`.
    path : Path
        The session's file. If it holds the video's session already, the model's masks in it are
        replaced and every frame that a person edited or accepted is kept.
    fps : float, optional
        Frames per second of video that are segmented.
    vocabulary : sequence of str, optional
        The class names in play; AVSBench's 70 by default.
    device : {"auto", "cuda", "mps", "cpu"}, optional
        Where the network runs.
    model_name : str, optional
        What the session says made its masks.
    may_move : bool, optional
        Whether the session is kept in the user's data folder where `path` cannot be written.
    progress : Progress, optional
        Told of every step.
    cancel : CancelToken, optional
        Looked at between steps.

    Returns
    -------
    Annotation
        The session, saved and closed: it can be looked at, and opened by others. The pictures
        in ``<video>.overlays`` beside it. Where it had to move, a warning says so.

    Raises
    ------
    MediaError, InferenceError, SessionError
        If the video, the device or an existing session cannot be used.
    TavisError
        If the session is open elsewhere, or cannot be written.
    Cancelled
        If asked for; nothing is written then.
    """
    from napari_tavis.engine import segment_clip
    from napari_tavis.media import open_clip

    _require_place(path, may_move=may_move)
    earlier = None
    if holds_session(path):
        earlier = AnnotationSession.open(path, video=video, may_move=may_move)
        if earlier.obstacle is not None:
            raise TavisError(earlier.obstacle)
    with open_clip(video) as clip:
        seen = SeenFrames(clip)
        proposals = segment_clip(
            clip,
            model,
            fps=fps,
            vocabulary=vocabulary,
            device=device,
            model_name=model_name,
            see=seen.see,
            progress=progress,
            cancel=cancel,
        )
        if earlier is None:
            session = AnnotationSession.create(video, proposals, path=path, may_move=may_move)
        else:
            session = earlier
            session.replace_proposals(proposals)
        session.save()
        session.close()
        pictures = draw_overlays(session, seen, progress=progress, cancel=cancel)
        warnings = (*clip.warnings, *session.warnings)
        if session.elsewhere is not None:
            warnings = (*warnings, session.elsewhere)
    return Annotation(session, pictures, tuple(dict.fromkeys(warnings)))


def _require_place(path: Path, *, may_move: bool) -> None:
    """Make sure that there is a place for a session before minutes are spent on its masks."""
    try:
        require_writable(path)
    except UnwritablePlaceError as error:
        if not may_move:
            raise
        try:
            require_writable(folder_elsewhere())
        except UnwritablePlaceError as other:
            raise UnwritablePlaceError(f"{error} Nor can it be kept elsewhere: {other}") from other


class SeenFrames:
    """The frames of a clip, of which those that the model saw are not decoded again.

    Parameters
    ----------
    clip : Clip
        The open clip.
    most_bytes : int, optional
        Memory that seen frames may keep: the first ones, and what comes after is decoded again.
    """

    def __init__(self, clip: Clip, most_bytes: int = 512 * 2**20) -> None:
        self._clip = clip
        self._free = most_bytes
        self._kept: dict[int, npt.NDArray[np.uint8]] = {}

    def see(self, index: int, picture: npt.NDArray[np.uint8]) -> None:
        """Keep a frame that was decoded, if there is room."""
        if index not in self._kept and picture.nbytes <= self._free:
            self._kept[index] = picture
            self._free -= picture.nbytes

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        kept = self._kept.get(index)
        return self._clip.frames[index] if kept is None else kept


def draw_overlays(
    session: AnnotationSession,
    frames: SeenFrames,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Path, ...]:
    """Draw a session's masks on the sampled frames.

    Parameters
    ----------
    session : AnnotationSession
        Any session of the video.
    frames : SeenFrames
        The video's frames.
    progress : Progress, optional
        Told of every picture.
    cancel : CancelToken, optional
        Looked at between pictures.

    Returns
    -------
    tuple of Path
        ``<video>.overlays/<frame index>.png`` beside the session, in order.
    """
    from napari_tavis.annotation.overlay import draw_session

    cancel = cancel or CancelToken()
    folder = session.path.with_suffix(".overlays")
    if folder.is_symlink():
        raise TavisError(f"{folder} is a link: the pictures go into a folder; move the link away.")
    paths = []
    for done, index in enumerate(map(int, session.frame_indices), start=1):
        cancel.check()
        picture = io.BytesIO()
        Image.fromarray(draw_session(frames[index], session, index)).save(picture, "png")
        paths.append(folder / f"{index:06d}.png")
        write_atomically(paths[-1], picture.getvalue())
        progress(done, len(session.frame_indices), "drawing")
    return tuple(paths)
