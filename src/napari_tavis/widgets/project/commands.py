"""What can be done to the queue by key."""

from __future__ import annotations

from collections.abc import Callable

from napari_tavis.widgets.commands import Command
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.project.queue_work import QueueWork


def _on_queue(action: Callable[[QueueWork], None]) -> Callable[[AnnotationController], None]:
    """Make a command of what the queue does; nothing happens where there is no queue panel."""

    def run(controller: AnnotationController) -> None:
        if isinstance(controller.queue, QueueWork):
            action(controller.queue)

    return run


NEXT = Command(
    "next_video",
    "Next video",
    "U",
    _on_queue(QueueWork.go_next),
    "Open the next video of the queue.",
)
PREVIOUS = Command(
    "previous_video",
    "Previous video",
    "Shift+U",
    _on_queue(QueueWork.go_previous),
    "Open the video before, done or not.",
)
DONE = Command(
    "video_done",
    "Video done, next",
    "Alt+U",
    _on_queue(QueueWork.done_and_next),
    "Mark this video done and open the next one.",
)
COMMANDS: tuple[Command, ...] = (NEXT, PREVIOUS, DONE)
"""The commands of the queue panel."""
