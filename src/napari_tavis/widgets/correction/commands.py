"""What of the section "Correct" can be done by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_tavis.widgets.commands import Command
from napari_tavis.widgets.correction.plan import Direction

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController
    from napari_tavis.widgets.correction.corrector import Corrector


def why_not(controller: AnnotationController) -> str | None:
    """Say why nothing can be corrected now, or None where it can."""
    no_choice = "Select an object first." if controller.chosen is None else None
    return controller.obstacle or no_choice


def _command(
    name: str, title: str, key: str | None, act: Callable[[Corrector], object], tooltip: str
) -> Command:
    """Make a command of the section; where nothing can be corrected it says why."""

    def run(controller: AnnotationController) -> None:
        reason = why_not(controller)
        if reason is not None:
            controller.said.emit(reason)
        elif controller.correction is not None:
            act(controller.correction)

    return Command(id=name, title=title, key=key, run=run, tooltip=tooltip)


COMMANDS: tuple[Command, ...] = (
    _command(
        "prompt",
        "Prompt with SAM 2",
        "Q",
        lambda corrector: corrector.prompts.toggle(),
        "Click on the picture: SAM 2 finds the mask of the chosen object. The key ends it, too.",
    ),
    _command(
        "prompt_from_mask",
        "Prompt from the current mask",
        "Shift+Q",
        lambda corrector: corrector.prompts.use_mask(),
        "Let SAM 2 refine the mask that the object has in this frame.",
    ),
    _command(
        "prompt_keep",
        "Keep the outlined mask (Enter, too)",
        None,
        lambda corrector: corrector.prompts.confirm(),
        "Give the object the outlined mask. Enter over the picture does it, too.",
    ),
    _command(
        "prompt_drop",
        "Drop the outlined mask (Escape, too)",
        None,
        lambda corrector: corrector.prompts.drop(),
        "Forget the clicks in this frame. Escape over the picture does it, too.",
    ),
    _command(
        "prompt_undo",
        "Take the last click back (Ctrl+Z, too)",
        None,
        lambda corrector: corrector.prompts.remove_last(),
        "Take the last click, box or mask back. Ctrl+Z over the picture does it, too.",
    ),
    _command(
        "propagate_forwards",
        "Propagate forwards",
        "G",
        lambda corrector: corrector.propagate(Direction.FORWARDS),
        "Follow the object from this frame on. Edited and accepted frames stay as they are.",
    ),
    _command(
        "propagate_backwards",
        "Propagate backwards",
        "Alt+G",
        lambda corrector: corrector.propagate(Direction.BACKWARDS),
        "Follow the object back in time. Edited and accepted frames stay as they are.",
    ),
    _command(
        "propagate_both",
        "Propagate both ways",
        "Shift+G",
        lambda corrector: corrector.propagate(Direction.BOTH),
        "Follow the object both ways. Edited and accepted frames stay as they are.",
    ),
    _command(
        "copy_to_next",
        "Copy to next frame",
        "Shift+C",
        lambda corrector: corrector.copy_to_next(),
        "Copy the mask to the next frame, and go there.",
    ),
    _command(
        "interpolate",
        "Interpolate",
        "Shift+I",
        lambda corrector: corrector.interpolate(),
        "Fill the frames between the nearest edited or accepted ones before and after.",
    ),
    _command(
        "clear_frame",
        "Clear frame",
        "Shift+X",
        lambda corrector: corrector.clear_frame(),
        "Say that the object is not in this frame.",
    ),
    _command(
        "fill_holes",
        "Fill holes",
        "Shift+H",
        lambda corrector: corrector.fill_holes(),
        "Fill the holes of the mask in this frame.",
    ),
    _command(
        "remove_islands",
        "Remove islands",
        "Shift+D",
        lambda corrector: corrector.remove_islands(),
        "Remove small pieces apart from the mask in this frame.",
    ),
    _command(
        "back_to_proposal",
        "Back to the proposal",
        "Shift+R",
        lambda corrector: corrector.back_to_proposal(),
        "Take back what the model proposed in this frame.",
    ),
)
"""Each is a button of the panel, too."""
