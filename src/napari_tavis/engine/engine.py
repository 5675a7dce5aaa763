"""The one interface to whatever computes masks for a video, here or elsewhere.

Window, command line and scripts use it alone. It is given a video's path, frame numbers and
prompts, never pixels, and it gives masks. Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import PromptResult, Prompts
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.tasks import Task
from napari_tavis.media.picture import Picture

Seen: TypeAlias = Callable[[int, Picture], None]  # with a frame's number and its picture

TOY_MODEL = "toy"  # the bundled one: a demonstration that knows drawn scenes only


@dataclass(frozen=True)
class EngineOptions:
    """With which model masks are computed, where, and how a video is segmented."""

    model: str | Path = TOY_MODEL  # `TOY_MODEL`, an installed model, or a checkpoint file
    device: str = "auto"  # "auto", "cuda", "mps" or "cpu"
    fps: float = 1.0  # sampled frames per second of video
    vocabulary: tuple[str, ...] = ()  # class names; empty for the model's own
    # Number format of matrix products: "auto" (what is usual on the device), "float32",
    # "bfloat16" or "float16".
    precision: str = "auto"


class Engine(Protocol):
    """Computes masks for videos. All methods may be called from any thread.

    Wherever a `Task` is taken, the work reports its progress to it, and ends with `Cancelled` once
    it is cancelled. All methods but `release` and `close` raise `CheckpointError` if there is no
    such model, `InferenceError` if the device is absent, memory does not suffice or an option
    makes no sense, and `MediaError` if the video cannot be read.

    `sampled` names the sampled frames of the session in which the masks are wanted, if there is
    one: a frame is then heard with the sound that it was segmented with, and need not be encoded
    again.
    """

    def models(self) -> list[str]:
        """Name the models that can be chosen, `TOY_MODEL` first."""
        ...

    def load(self, options: EngineOptions, task: Task | None = None) -> None:
        """Load a model now, so that it is known to be there before anything is asked of it."""
        ...

    def segment(
        self,
        video: Path,
        options: EngineOptions,
        *,
        keep: bool = False,
        seen: Seen | None = None,
        task: Task | None = None,
    ) -> Proposals:
        """Propose the objects that sound in a video.

        Parameters
        ----------
        video : Path
            The video file.
        options : EngineOptions
            The model, and how the video is sampled.
        keep : bool
            Whether the encoded frames are kept, so that clicks in them are answered at once: for
            the video that a person looks at.
        seen : callable, optional
            Called with sampled frames as they are decoded, so that whoever draws on them need not
            decode them again; an engine elsewhere never calls it.
        task : Task, optional
            See the class.

        Returns
        -------
        Proposals
            At the size of the video, with what is wrong with the video as `warnings`.
        """
        ...

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
        """Find the mask of what a person shows in a frame, without waiting for `prepare` to end."""
        ...

    def prepare(
        self,
        video: Path,
        frames: Sequence[int],
        options: EngineOptions,
        *,
        sampled: Sequence[int] = (),
        task: Task | None = None,
    ) -> None:
        """Make frames ready for prompts, the first one first, as far as memory lasts."""
        ...

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
        """Follow an object from the frames where its mask is known to others.

        Parameters
        ----------
        video : Path
            The video file.
        known : mapping of int to ndarray of bool, shape (H, W)
            The object's mask by frame; an empty one says that it is not there.
        frames : sequence of int
            Where it is to be found.
        options : EngineOptions
            Model and device.
        sampled : sequence of int, optional
            See the class.
        task : Task, optional
            See the class.

        Yields
        ------
        frame : int
            One of the frames.
        mask : ndarray of bool, shape (H, W)
            The object's mask; empty where it is not there.
        score : float
            How sure the model is, 0 to 1.
        """
        ...

    def release(self) -> None:
        """Let go of the video that was prompted in, without waiting for what runs."""
        ...

    def close(self) -> None:
        """Let go of everything: the video, the model, and what is kept in memory."""
        ...
