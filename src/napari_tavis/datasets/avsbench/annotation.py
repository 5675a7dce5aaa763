"""One annotated clip in memory, on its way to or from an AVSBench folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, class_index


@dataclass(frozen=True, eq=False)
class ClipAnnotation:
    """A clip of five or ten frames, its sound, and what sounds in it."""

    name: str  # in S4 and MS3; also the ``vid`` of v1m unless `vid` says otherwise
    frames: npt.NDArray[np.uint8]  # (T, H, W, 3), RGB, upright, at the original aspect ratio
    # (T, H, W), class index per pixel, 0 (background) to 70; None for binary masks only (S4, MS3)
    class_map: npt.NDArray[np.uint8] | None
    waveform: npt.NDArray[np.float32]  # (samples,), the whole clip, mono, 16 kHz, in [-1, 1]
    # (T, H, W), everything that sounds; None means class_map > 0
    scene_mask: npt.NDArray[np.bool_] | None = None
    vid: str = ""  # name of the video the clip was cut from; the name if empty
    start: float = 0.0  # where the clip starts in that video, in seconds
    # File of that video, from which S4 and MS3 keep the stretch; without it the clip's frames are
    # written as a video of one frame a second.
    video: Path | None = None
    # Where the clip starts in that file, in seconds, if that is not `start`: the file may be cut
    # out of the video that `start` refers to.
    video_start: float | None = None
    category: str = ""  # S4's; the class with the largest area if empty
    sound_classes: tuple[str, ...] = ()  # classes heard but not seen, for the semantic a_obj
    # (T,), which frames carry a label; all by default
    labelled: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __post_init__(self) -> None:
        if not self.vid:
            object.__setattr__(self, "vid", self.name)
        if self.labelled.size == 0:
            object.__setattr__(self, "labelled", np.ones(len(self.frames), dtype=bool))
        self._check()

    def _check(self) -> None:
        frames = self.frames
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise ValueError(
                f"frames must be uint8 [T, H, W, 3], not {frames.dtype} {frames.shape}"
            )
        for what, array in (("class_map", self.class_map), ("scene_mask", self.scene_mask)):
            if array is not None and array.shape != frames.shape[:3]:
                raise ValueError(f"{what} must have shape {frames.shape[:3]}, not {array.shape}")
        if self.class_map is None and self.scene_mask is None:
            raise ValueError("a clip needs a class map or a scene mask")
        if self.waveform.ndim != 1:
            raise ValueError(f"waveform must be mono [samples], not {self.waveform.shape}")
        if self.labelled.shape != frames.shape[:1]:
            raise ValueError("labelled must have one flag per frame")
        if self.class_map is not None and int(self.class_map.max(initial=0)) >= len(
            AVSBENCH_CLASSES
        ):
            raise DatasetError(
                f"Clip {self.name!r} has class index {int(self.class_map.max())}, "
                f"but AVSBench ends at {len(AVSBENCH_CLASSES) - 1}: map its classes first."
            )

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """Everything that sounds, bool (T, H, W)."""
        if self.scene_mask is not None:
            return self.scene_mask
        assert self.class_map is not None  # __post_init__ refuses a clip without either
        return np.asarray(self.class_map > 0)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes that the class map shows, in order of their index."""
        if self.class_map is None:
            return ()
        return tuple(AVSBENCH_CLASSES[int(index)] for index in np.unique(self.class_map) if index)

    def main_class(self) -> str:
        """Return the class with the largest area; empty if nothing is labelled."""
        if self.class_map is None:
            return ""
        areas = np.bincount(self.class_map.ravel(), minlength=len(AVSBENCH_CLASSES))[1:]
        return AVSBENCH_CLASSES[1 + int(areas.argmax())] if areas.any() else ""


def unknown_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that are not AVSBench classes, each once, in the given order."""
    return tuple(dict.fromkeys(name for name in names if class_index(name) is None))
