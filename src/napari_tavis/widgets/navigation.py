"""Where the viewer is in the video: the frame shown, its time, and the sampled frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from psygnal import Signal

_FRAME_AXIS = -3  # before row and column
_AXES = ("t", "y", "x")


class FrameNavigation:
    """Reads and moves the viewer's frame slider, and writes the time on the canvas."""

    moved = Signal(int)  # with the frame that is shown now

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._times: npt.NDArray[np.float64] = np.zeros(0)
        self._sampled: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._shown: int | None = None
        viewer.dims.events.current_step.connect(self._on_step)

    @property
    def sampled(self) -> list[int]:
        """The sampled frames, ascending."""
        return [int(frame) for frame in self._sampled]

    @property
    def frame(self) -> int:
        """The frame shown now; 0 where there is no video."""
        if not len(self._times) or self._viewer.dims.ndim < 3:
            return 0
        step = int(self._viewer.dims.current_step[_FRAME_AXIS])
        return min(max(step, 0), len(self._times) - 1)

    def set_video(self, times: npt.ArrayLike) -> None:
        """Take the presentation times of a video's frames, in seconds; empty for no video."""
        self._times = np.asarray(times, dtype=np.float64)
        dims = self._viewer.dims
        if len(self._times) and dims.ndim >= len(_AXES):
            dims.axis_labels = (*dims.axis_labels[: -len(_AXES)], *_AXES)
        self.set_sampled([])

    def set_sampled(self, frames: npt.ArrayLike) -> None:
        """Take the indices of the sampled frames."""
        self._sampled = np.sort(np.asarray(frames, dtype=np.int64).reshape(-1))
        self._show()

    def go_to(self, frame: int) -> None:
        """Show a frame."""
        dims = self._viewer.dims
        if dims.ndim >= 3:
            dims.set_current_step(dims.ndim + _FRAME_AXIS, frame)

    def previous_sampled(self) -> int | None:
        """Give the last sampled frame before the one shown, or None."""
        before = self._sampled[self._sampled < self.frame]
        return int(before[-1]) if len(before) else None

    def next_sampled(self) -> int | None:
        """Give the first sampled frame after the one shown, or None."""
        after = self._sampled[self._sampled > self.frame]
        return int(after[0]) if len(after) else None

    def go_sampled(self, *, forwards: bool) -> None:
        """Show the next sampled frame, or the one before."""
        frame = self.next_sampled() if forwards else self.previous_sampled()
        if frame is not None:
            self.go_to(frame)

    def describe(self) -> str:
        """Give the time of the frame shown, and whether the model saw it; empty without a video."""
        if not len(self._times):
            return ""
        frame = self.frame
        line = f"{self._times[frame]:.2f} s · "
        at = np.flatnonzero(self._sampled == frame)
        if len(at):
            return line + f"sampled frame {at[0] + 1} of {len(self._sampled)}"
        return line + f"frame {frame + 1} of {len(self._times)}"

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.current_step.disconnect(self._on_step)

    def _on_step(self, event: Any = None) -> None:
        if self.frame != self._shown:
            self._show()
            self.moved.emit(self.frame)

    def _show(self) -> None:
        self._shown = self.frame
        overlay = self._viewer.canvas.overlays.text
        overlay.text = self.describe()
        overlay.visible = bool(overlay.text)
