"""The colours in which states and statuses are shown, readable on napari's dark and light."""

from __future__ import annotations

from napari_tavis.annotation import FrameStatus
from napari_tavis.project.states import QueueState
from napari_tavis.project.statistics import EMPTY
from napari_tavis.widgets.frame_strip import STATUS_COLORS

STATE_COLORS: dict[QueueState, str] = {
    QueueState.NEW: STATUS_COLORS[None],
    QueueState.SEGMENTED: STATUS_COLORS[FrameStatus.PROPOSED],
    QueueState.IN_WORK: STATUS_COLORS[FrameStatus.EDITED],
    QueueState.DONE: STATUS_COLORS[FrameStatus.ACCEPTED],
    QueueState.EXPORTED: "#9a7fe0",
    QueueState.BROKEN: "#e05c5c",
    QueueState.MISSING: "#e05c5c",
}
"""The colour of a video's state; as far as they mean the same, those of the frames' statuses."""

FRAME_COLORS: dict[str, str] = {
    **{str(status): color for status, color in STATUS_COLORS.items() if status is not None},
    EMPTY: STATUS_COLORS[None],
}
"""The colour of a frame by its status."""
