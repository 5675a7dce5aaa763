"""From a video file to a saved session with overlay pictures, in one call."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from napari_tavis.annotation import (
    AnnotationSession,
    find_session,
    folder_elsewhere,
    holds_session,
)
from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.boundary import require_writable
from napari_tavis.core.errors import TavisError, UnwritablePlaceError
from napari_tavis.core.files import is_utf8, shown
from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip, open_clip
from napari_tavis.media.picture import Picture

if TYPE_CHECKING:
    from napari_tavis.engine import Engine, EngineOptions
    from napari_tavis.media import Frames


@dataclass(frozen=True)
class Annotation:
    """What `annotate_video` wrote."""

    session: AnnotationSession  # saved and closed
    pictures: tuple[Path, ...]  # one overlay picture per sampled frame
    warnings: tuple[str, ...]  # about the video, the sound or the session, a sentence each

    def summary(self) -> str:
        """Say in one line what was found, and where it is."""
        objects = [item for item in self.session.objects if item.kind == "object"]
        found = ", ".join(f"{item.class_name} ({item.score:.2f})" for item in objects)
        return f"{self.session.path}: {found or 'nothing that sounds'}"


def session_paths(videos: Sequence[Path], output: Path | None) -> list[Path]:
    """Return the session file of each video: ``<video>.tavis`` in the folder `output`.

    Without `output` it is the session that a video has already, wherever that is kept, or a new
    one beside the video, where napari looks for it. Raises `TavisError` if a path is not UTF-8 or
    names no file, or if two videos would share a session.
    """
    for path in (*videos, *((output,) if output is not None else ())):
        if not is_utf8(path.absolute()):
            raise TavisError(f"{shown(path)} is not valid UTF-8: rename the file or folder.")
    for video in videos:
        if not video.name:
            raise TavisError(f"{str(video)!r} is not a video: give the path of a video file.")
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


def annotate(
    video: str | os.PathLike[str],
    *,
    model: str | Path = "toy",
    fps: float = 1.0,
    vocabulary: Sequence[str] = (),
    device: str = "auto",
    path: str | os.PathLike[str] | None = None,
    engine: Engine | None = None,
    task: Task | None = None,
) -> AnnotationSession:
    """Segment what sounds in a video, and return the saved session, open to be corrected.

    Parameters
    ----------
    video : path
        The video.
    model : str or Path
        ``"toy"``, the name of an installed model, or a checkpoint file.
    fps : float
        Frames segmented per second of video.
    vocabulary : sequence of str
        The class names to choose from; the model's own by default.
    device : {"auto", "cuda", "mps", "cpu"}
        Where the network runs.
    path : path, optional
        The session's file; ``VIDEO.tavis`` by default. If it exists already, the model's masks
        in it are replaced, and what a person edited or accepted is kept.
    engine : Engine, optional
        Keeps its model from video to video; a new one by default.
    task : Task, optional
        Receives the progress; stops the work when cancelled.

    Returns
    -------
    AnnotationSession
        Close it when you are done.

    Raises
    ------
    TavisError
        If the video, the model, the device or the session's place cannot be used.
    Cancelled
        If the task was cancelled; nothing is written then.

    Examples
    --------
    >>> session = napari_tavis.annotate("street.mp4", model="tavis_ms3")
    >>> [item.class_name for item in session.objects]
    ['scene', 'dog', 'siren']
    """
    from napari_tavis.engine import EngineOptions, LocalEngine

    options = EngineOptions(model, device, fps, tuple(vocabulary))
    video = Path(video).absolute()
    place = session_paths([video], None)[0] if path is None else Path(path)
    engine = engine or LocalEngine()
    return AnnotationSession.open(
        annotate_video(video, engine, place, options, task=task).session.path, video=video
    )


def annotate_video(
    video: Path,
    engine: Engine,
    path: Path,
    options: EngineOptions,
    *,
    may_move: bool = False,
    task: Task | None = None,
) -> Annotation:
    """Segment what sounds in a video, save it as the session `path` and draw it.

    If `path` holds the video's session already, the model's masks in it are replaced and every
    frame that a person edited or accepted is kept. With `may_move`, a session that cannot be
    written there is kept in the user's data folder, and a warning says so. The pictures go into
    ``<video>.overlays`` beside the session.

    Raises `MediaError`, `InferenceError` or `SessionError` if the video, the device or an existing
    session cannot be used, `TavisError` if the session is open elsewhere or cannot be written, and
    `Cancelled`, before anything is written, if the task is cancelled.
    """
    task = task or Task()
    _require_place(path, may_move=may_move)
    session = None
    if holds_session(path):
        session = AnnotationSession.open(path, video=video, may_move=may_move)
        if session.obstacle is not None:
            raise TavisError(session.obstacle)
    frames = _SeenFrames(video)
    proposals = engine.segment(video, options, seen=frames.see, task=task)
    if session is None:
        session = AnnotationSession.create(video, proposals, path=path, may_move=may_move)
    else:
        session.replace_proposals(proposals)
    session.save()
    session.close()  # before drawing, so that others can open it; it can still be looked at
    with frames:
        pictures = draw_overlays(session, frames, task)
    warnings = (*proposals.warnings, *session.warnings)
    if session.elsewhere is not None:
        warnings = (*warnings, session.elsewhere)
    return Annotation(session, pictures, tuple(dict.fromkeys(warnings)))


def _require_place(path: Path, *, may_move: bool) -> None:
    """Make sure that a session can be written before minutes are spent on its masks."""
    try:
        require_writable(path)
    except UnwritablePlaceError as error:
        if not may_move:
            raise
        try:
            require_writable(folder_elsewhere())
        except UnwritablePlaceError as other:
            raise UnwritablePlaceError(f"{error} Nor can it be kept elsewhere: {other}") from other


class _SeenFrames:
    """The frames of a video, without decoding again those that the engine decoded here."""

    _MOST_BYTES = 512 * 2**20  # uncompressed frames; about 80 of full HD

    def __init__(self, video: Path) -> None:
        self._video = video
        self._clip: Clip | None = None
        self._kept: dict[int, Picture] = {}

    def see(self, index: int, picture: Picture) -> None:
        """Keep a frame while there is room; later ones are decoded again."""
        if (len(self._kept) + 1) * picture.nbytes <= self._MOST_BYTES:
            self._kept[index] = picture

    def __getitem__(self, index: int) -> Picture:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        if self._clip is None:
            self._clip = open_clip(self._video)
        picture: Picture = self._clip.frames[index]
        return picture

    def __enter__(self) -> _SeenFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.clear()
        if self._clip is not None:
            self._clip.close()


def draw_overlays(
    session: AnnotationSession, frames: Frames | _SeenFrames, task: Task | None = None
) -> tuple[Path, ...]:
    """Draw a session's masks on the sampled frames.

    Returns ``<video>.overlays/<frame index>.png`` beside the session, in order.
    """
    from napari_tavis.annotation.overlay import draw_session

    task = task or Task()
    folder = session.path.with_suffix(".overlays")
    if folder.is_symlink():
        raise TavisError(f"{folder} is a link: the pictures go into a folder; move the link away.")
    paths = []
    for done, index in enumerate(map(int, session.frame_indices), start=1):
        task.check()
        picture = io.BytesIO()
        Image.fromarray(draw_session(frames[index], session, index)).save(picture, "png")
        paths.append(folder / f"{index:06d}.png")
        write_atomically(paths[-1], picture.getvalue())
        task.report(done, len(session.frame_indices), "drawing")
    return tuple(paths)
