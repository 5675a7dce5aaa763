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


COMMANDS: tuple[Command, ...] = (
    Command(
        "next_video",
        "Next video",
        "PageDown",
        _on_queue(QueueWork.go_next),
        "Open the next video of the queue.",
    ),
    Command(
        "previous_video",
        "Previous video",
        "PageUp",
        _on_queue(QueueWork.go_previous),
        "Open the video before in the queue.",
    ),
    Command(
        "video_done",
        "Video done, go on",
        "Ctrl+Alt+D",
        _on_queue(QueueWork.done_and_next),
        "Mark the video done and open the next one of the queue.",
    ),
)
"""The commands of the queue panel."""
