"""The engine that computes in this process. torch is imported when it is first asked for masks."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import PromptResult, Prompts
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.home import installed_model
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine.engine import TOY_MODEL, EngineOptions, Seen
from napari_tavis.media import Clip, open_clip
from napari_tavis.weights.store import Store

if TYPE_CHECKING:
    from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
    from napari_tavis.model import TAViS

_MAPS = Path("/proc/self/maps")


class LocalEngine:
    """An `Engine` that keeps one model, one video and its encoded frames in memory.

    The video that is prompted in is opened a second time, besides the viewer, so that decoding for
    the model never holds up the viewer.
    """

    def __init__(self) -> None:
        self._model_lock = threading.Lock()
        self._model: TAViS | None = None
        self._model_key: tuple[str, str, str, float] | None = None
        self._cache: FeatureCache | None = None
        self._video_lock = threading.Lock()
        self._clip: Clip | None = None
        self._encoder: FrameEncoder | None = None
        self._encoder_key: object = None
        self._released = False  # since the last call of `_encoder_of`

    def models(self) -> list[str]:
        """See `Engine.models`."""
        return [TOY_MODEL, *(card.name for card in Store().cards() if card.runs)]

    def load(self, options: EngineOptions, task: Task | None = None) -> None:
        """See `Engine.load`."""
        self._loaded(options, task or Task())

    def segment(
        self,
        video: Path,
        options: EngineOptions,
        *,
        keep: bool = False,
        seen: Seen | None = None,
        task: Task | None = None,
    ) -> Proposals:
        """See `Engine.segment`."""
        task = task or Task()
        model = self._loaded(options, task)
        from napari_tavis.engine.segmenting import segment_clip

        with open_clip(video) as clip:
            proposals = segment_clip(
                clip,
                model,
                fps=options.fps,
                vocabulary=options.vocabulary or None,
                device=options.device,
                model_name=Path(options.model).name,
                cache=self._features() if keep else None,
                seen=seen,
                task=task,
            )
            proposals.warnings = (*clip.warnings, *proposals.warnings)
        return proposals

    def prompt(
        self,
        video: Path,
        frame: int,
        prompts: Prompts,
        options: EngineOptions,
        *,
        sampled: Sequence[int] = (),
        task: Task | None = None,
    ) -> PromptResult:
        """See `Engine.prompt`."""
        task = task or Task()
        encoder = self._encoder_of(video, options, sampled, task)
        from napari_tavis.engine.prompting import segment_prompts

        if not encoder.is_ready(frame):
            task.report(0, 0, "getting this frame ready")
        task.check()
        return segment_prompts(encoder, frame, prompts)

    def prepare(
        self,
        video: Path,
        frames: Sequence[int],
        options: EngineOptions,
        *,
        sampled: Sequence[int] = (),
        task: Task | None = None,
    ) -> None:
        """See `Engine.prepare`."""
        task = task or Task()
        encoder = self._encoder_of(video, options, sampled, task)
        if frames and not encoder.is_ready(frames[0]):
            task.report(0, 0, "getting this frame ready")
            encoder.encode_ahead(frames[:1], task)
        task.report(1, 1, "")
        encoder.encode_ahead(frames, task)

    def follow(
        self,
        video: Path,
        known: Mapping[int, Mask],
        frames: Sequence[int],
        options: EngineOptions,
        *,
        sampled: Sequence[int] = (),
        task: Task | None = None,
    ) -> Iterator[tuple[int, Mask, float]]:
        """See `Engine.follow`."""
        task = task or Task()
        encoder = self._encoder_of(video, options, sampled, task)
        from napari_tavis.engine.following import propagate

        task.report(0, len(frames), "following the object")
        # Whoever takes the masks reports how many there are.
        yield from propagate(encoder, known, frames, task.part())

    def release(self) -> None:
        """See `Engine.release`."""
        self._released = True  # for a thread that is opening the video: see `_encoder_of`
        if self._video_lock.acquire(blocking=False):
            try:
                self._close_video()
            finally:
                self._video_lock.release()

    def close(self) -> None:
        """See `Engine.close`."""
        with self._video_lock:
            self._close_video()
        with self._model_lock:
            self._forget_model()

    def _loaded(self, options: EngineOptions, task: Task) -> TAViS:
        """Give the model, loaded again only if another one is wanted or its file has changed.

        Whoever comes while it is loading waits.
        """
        first = self._model is None
        if first:
            task.report(0, 0, "loading the model")  # importing torch is a part of it
        import_torch()
        from napari_tavis.engine.device import choose_device, load_on_device
        from napari_tavis.model.precision import PRECISIONS

        name, device = str(options.model), choose_device(options.device)
        file = installed_model(name) or Path(name)
        changed = file.stat().st_mtime if file.is_file() else 0.0
        key = (name, device, options.precision, changed)
        with self._model_lock:
            if self._model is None or key != self._model_key:
                # First, for two large models at once are more than many a GPU holds.
                self._forget_model()
                if not first:
                    task.report(0, 0, "loading the model")
                self._model = load_on_device(name, device, PRECISIONS[options.precision])
                self._model_key = key
            model = self._model
        task.check()
        return model

    def _forget_model(self) -> None:
        self._model = self._encoder = None
        if self._cache is not None:
            self._cache.clear()

    def _features(self) -> FeatureCache:
        """Give the one place that keeps encoded frames."""
        from napari_tavis.engine.encoding import FeatureCache

        with self._model_lock:
            if self._cache is None:
                self._cache = FeatureCache()
            return self._cache

    def _encoder_of(
        self, video: Path, options: EngineOptions, sampled: Sequence[int], task: Task
    ) -> FrameEncoder:
        """Give the encoder of a video's frames, a new one when it is for other frames or sounds."""
        with self._video_lock:
            task.check()
            self._released = False
            model = self._loaded(options, task)
            from napari_tavis.engine.encoding import FrameEncoder
            from napari_tavis.engine.sampling import sample_frames, samples_at

            if self._clip is None or self._clip.path != video:
                self._close_video()
                self._clip = open_clip(video, task=task.part())
            clip, encoder = self._clip, self._encoder
            key = (tuple(sampled), 0.0 if sampled else options.fps)
            fits = encoder is not None and encoder.model is model and encoder.clip is clip
            if encoder is None or not fits or key != self._encoder_key:
                samples = samples_at(clip, sampled)
                if not len(samples):
                    samples = sample_frames(clip, options.fps)
                encoder = FrameEncoder(clip, model, samples, self._features())
                self._encoder, self._encoder_key = encoder, key
            if self._released:  # meanwhile, when nobody could close what was being opened
                self._close_video()
                raise Cancelled
            return encoder

    def _close_video(self) -> None:
        if self._clip is not None:
            self._clip.close()
        self._clip = self._encoder = None


def import_torch() -> None:
    """Import torch, safely after napari's canvas has loaded Mesa.

    Mesa's drivers for processors and some GPUs bring LLVM, and so does triton, which torch
    imports on Linux. Triton's would find its symbols in Mesa's other version of LLVM, and the
    process would end in a segmentation fault. Triton is imported first, bound to its own symbols.
    """
    if _mesa_has_loaded_llvm() and "triton" not in sys.modules and _is_installed("triton"):
        flags = sys.getdlopenflags()
        sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
        try:
            importlib.import_module("triton")
        except ImportError:
            pass  # torch does without
        finally:
            sys.setdlopenflags(flags)
    importlib.import_module("torch")


def _mesa_has_loaded_llvm() -> bool:
    return _MAPS.is_file() and "libLLVM" in _MAPS.read_text(errors="replace")


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
