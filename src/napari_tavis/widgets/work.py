"""What the dock widget has done off the GUI thread: open and segment. No Qt here.

The model, and torch with it, is imported when a clip is segmented and not before.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_tavis.annotation import AnnotationSession, find_session, holds_session
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import TavisError
from napari_tavis.core.home import installed_model
from napari_tavis.core.tasks import Cancelled, CancelToken, Progress
from napari_tavis.media import Clip, open_clip
from napari_tavis.widgets.torch_import import import_torch

if TYPE_CHECKING:
    from napari_tavis.engine.feature_cache import FeatureCache
    from napari_tavis.engine.interactive import FrameEncoder
    from napari_tavis.model import TAViS

TOY_MODEL = "toy"


@dataclass(frozen=True)
class SegmentOptions:
    """How to segment a clip.

    Parameters
    ----------
    model : str or Path
        `TOY_MODEL`, an installed model, or a checkpoint file.
    device : str
        "auto", "cuda", "mps" or "cpu".
    fps : float
        Sampled frames per second.
    vocabulary : tuple of str
        Class names; empty for the model's own.
    """

    model: str | Path = TOY_MODEL
    device: str = "auto"
    fps: float = 1.0
    vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenedVideo:
    """A video, and what was annotated in it before.

    Parameters
    ----------
    clip : Clip
        The open clip.
    session : AnnotationSession or None
        The session found beside the video.
    warnings : tuple of str
        What the user should know, one sentence each.
    blocked : bool
        Whether there is a session that cannot be read, and must be moved away or mended first.
    """

    clip: Clip
    session: AnnotationSession | None
    warnings: tuple[str, ...] = ()
    blocked: bool = False

    def close(self, *, keep_clip: bool = False) -> None:
        """Let go of it, where nobody wants it any more."""
        if self.session is not None:
            self.session.close()
        if not keep_clip:
            self.clip.close()


@dataclass
class LoadedModel:
    """Keeps the last model in memory, and what it has encoded, so that a second run is quick.

    Any thread may ask for them; who comes while the model is loaded waits.

    Attributes
    ----------
    encoder : FrameEncoder or None
        What answers clicks with the model. It is kept here so that it goes when another model
        comes: two large models at once are more than many a GPU holds.
    """

    encoder: FrameEncoder | None = field(default=None, repr=False)
    _key: tuple[str, str, float] | None = None
    _model: TAViS | None = field(default=None, repr=False)
    _features: FeatureCache | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, name: str | Path, device: str) -> TAViS:
        """Give a model on a device, loaded anew only if another one or its file changed."""
        from napari_tavis.engine.loading import load_on_device

        path = installed_model(str(name)) or Path(name)
        changed = path.stat().st_mtime if path.is_file() else 0.0
        key = (str(name), device, changed)
        with self._lock:
            if self._model is None or key != self._key:
                self._model = self.encoder = None
                if self._features is not None:
                    self._features.clear()
                self._model = load_on_device(name, device)
                self._key = key
            return self._model

    def features(self) -> FeatureCache:
        """Give the cache of encoded frames that segmenting and clicks share."""
        from napari_tavis.engine.feature_cache import FeatureCache

        with self._lock:
            if self._features is None:
                self._features = FeatureCache()
            return self._features


def open_video(
    path: Path,
    clip: Clip | None,
    session_path: Path | None,
    progress: Progress,
    cancel: CancelToken,
) -> OpenedVideo:
    """Open a video and the session beside it, if there is one.

    Parameters
    ----------
    path : Path
        The video file.
    clip : Clip or None
        The clip, if it is open already.
    session_path : Path or None
        The session's file; None for found by the video.
    progress, cancel
        Of the job.
    """
    progress(0, 0, f"opening {path.name}")
    shown, clip = clip, clip or open_clip(path, task=cancel.part(progress))
    opened = _with_session(clip, path, session_path)
    if cancel.cancelled:  # nobody takes it
        opened.close(keep_clip=shown is not None)
        raise Cancelled
    return opened


def _with_session(clip: Clip, path: Path, session_path: Path | None) -> OpenedVideo:
    """Open the session of a clip, if there is one."""
    session_path = session_path or find_session(path)
    if session_path is None or not holds_session(session_path):
        return OpenedVideo(clip, None)
    try:
        session = AnnotationSession.open(session_path, video=path, may_move=True)
    except TavisError as error:
        return OpenedVideo(clip, None, (str(error),), blocked=True)
    return OpenedVideo(clip, session, tuple(session.warnings))


def empty_session(clip: Clip, fps: float) -> AnnotationSession:
    """Start a session without proposals, for a person to paint in.

    Parameters
    ----------
    clip : Clip
        The open video.
    fps : float
        Sampled frames per second.
    """
    from napari_tavis.engine import sample_frames

    samples = sample_frames(clip, fps)
    nothing = Proposals(samples.indices, samples.times, clip.size, [], frame_count=len(clip.times))
    return AnnotationSession.create(clip.path, nothing, may_move=True)


def segment_video(
    path: Path,
    options: SegmentOptions,
    loaded: LoadedModel,
    progress: Progress,
    cancel: CancelToken,
    *,
    keep: bool = False,
) -> Proposals:
    """Run the model on a video.

    Parameters
    ----------
    path : Path
        The video file; decoded anew, so that the viewer's own decoding is not disturbed.
    options : SegmentOptions
        How.
    loaded : LoadedModel
        Keeps the model for the next run.
    progress, cancel
        Of the job.
    keep : bool
        Whether the encoded frames are kept beside the model, as for the video that is open.
    """
    progress(0, 0, "loading the model")
    import_torch()
    from napari_tavis.engine import choose_device, segment_clip

    device = choose_device(options.device)
    model = loaded.get(options.model, device)
    cancel.check()
    with open_clip(path) as clip:
        known = clip.warnings  # the others are found out while it is read
        proposals = segment_clip(
            clip,
            model,
            fps=options.fps,
            vocabulary=options.vocabulary or None,
            device=device,
            model_name=Path(options.model).name,
            cache=loaded.features() if keep else None,
            progress=progress,
            cancel=cancel,
        )
        noticed = tuple(said for said in clip.warnings if said not in known)
        proposals.warnings = (*proposals.warnings, *noticed)
        return proposals
