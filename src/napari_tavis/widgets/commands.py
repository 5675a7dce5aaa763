"""What can be done: one table of commands.

Keys, tooltips, the help panel and napari's preferences are made from it, buttons and menus are
bound to its entries, and it gives the reasons why something cannot be done now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from napari_tavis.widgets.correction.propagation import Direction
from napari_tavis.widgets.workbench import Workbench

WhyNot: TypeAlias = Callable[[Workbench], str | None]
"""Says why something cannot be done now, in a sentence; gives None where it can."""


# -- why something cannot be done --------------------------------------------------------------


def _nothing(workbench: Workbench) -> None:
    """Give no reason, ever."""


def _busy(workbench: Workbench) -> str | None:
    return "Wait for the running work, or cancel it." if workbench.controller.jobs.busy else None


def _idle(workbench: Workbench) -> str | None:
    return None if workbench.controller.jobs.busy else "Nothing is running now."


def _no_video(workbench: Workbench) -> str | None:
    return "Open a video first." if workbench.video is None else None


def _no_session_possible(workbench: Workbench) -> str | None:
    """Give the reason why no session can be begun; that there is none yet is no reason."""
    controller = workbench.controller
    if controller.session is None and controller.clip is not None and not controller.blocked:
        return None
    return controller.obstacle


def _no_session(workbench: Workbench) -> str | None:
    """Give the reason why there is no session to look at; one that only lets itself read is one."""
    return workbench.controller.obstacle if workbench.session is None else None


def _no_object(workbench: Workbench) -> str | None:
    controller = workbench.controller
    no_choice = "Select an object first." if controller.chosen is None else None
    return controller.obstacle or no_choice


def _takes_no_part(workbench: Workbench) -> str | None:
    item = workbench.objects.chosen
    return None if item is None or item.takes_part else "Restore the object first."


def _takes_part(workbench: Workbench) -> str | None:
    item = workbench.objects.chosen
    if item is None or not item.takes_part:
        return None
    return f"The {item.class_name} is among the objects already."


def _may_not_be_rejected(workbench: Workbench) -> str | None:
    item = workbench.objects.chosen
    if item is None:
        return None
    if item.kind == "scene":
        return "The scene mask cannot be rejected."
    return None if item.takes_part else f"The {item.class_name} is not among the objects."


def _has_no_class(workbench: Workbench) -> str | None:
    item = workbench.objects.chosen
    if item is None or item.kind == "object":
        return None
    return "Only an object can be renamed, merged or split: select one."


def _no_frame_before(workbench: Workbench) -> str | None:
    missing = workbench.controller.navigation.previous_sampled() is None
    return _no_session(workbench) or ("No sampled frame before this one." if missing else None)


def _no_frame_after(workbench: Workbench) -> str | None:
    missing = workbench.controller.navigation.next_sampled() is None
    return _no_session(workbench) or ("No sampled frame after this one." if missing else None)


def _nothing_clicked(workbench: Workbench) -> str | None:
    return "Click on the picture first." if workbench.correction.prompts.prompts.empty else None


def _no_stretch(workbench: Workbench) -> str | None:
    return "No stretch is selected." if workbench.player.stretch is None else None


def no_queue(workbench: Workbench) -> str | None:
    """Give the reason that there is no queue: also for controls that only set how it is used."""
    missing = workbench.queue.queue is None
    return "Choose a folder of videos under Queue first." if missing else None


def being_listed(workbench: Workbench) -> str | None:
    """Give the reason that the videos of the queue are still being looked through."""
    busy = workbench.queue.jobs.busy
    return "Wait until the videos have been looked through." if busy else None


def _no_next_video(workbench: Workbench) -> str | None:
    missing = workbench.queue.next_item() is None
    return "There is no other video to go to." if missing else None


def _no_video_before(workbench: Workbench) -> str | None:
    missing = workbench.queue.previous_item() is None
    return "There is no previous video." if missing else None


def _not_of_the_queue(workbench: Workbench) -> str | None:
    return None if workbench.queue.is_open else "Open one of the videos first."


def _no_folder(workbench: Workbench) -> str | None:
    missing = workbench.exporter.request is None
    return "Choose a folder under Export first." if missing else None


def _unchanged(workbench: Workbench) -> str | None:
    session = workbench.session
    changed = session is not None and any(note.stale for note in session.exports)
    return None if changed else "Nothing has changed since."


def _has_no_check(workbench: Workbench) -> str | None:
    return None if workbench.exporter.checks_datasets else "Only AVSBench datasets have one."


def _first_of(*reasons: WhyNot) -> WhyNot:
    """Give the first reason that there is, in the order in which a user can do away with them."""

    def why_not(workbench: Workbench) -> str | None:
        return next(filter(None, (reason(workbench) for reason in reasons)), None)

    return why_not


def _asking(name: str) -> Callable[[Workbench], None]:
    """Let the panel that knows what to ask the user do it; see `AnnotationController.asked`."""
    return lambda workbench: workbench.controller.asked.emit(name)


# -- the table ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """Something that can be done by button, by menu or by key."""

    id: str
    title: str  # a few words, for the help panel and napari's preferences
    key: str | None  # such as "Ctrl+Shift+Z"; the user may give it another one
    tooltip: str  # a sentence
    act: Callable[[Workbench], object]
    why_not: WhyNot = _nothing  # by default it can always be done

    def run(self, workbench: Workbench) -> None:
        """Do it; where it cannot be done, say why."""
        reason = self.why_not(workbench)
        if reason is None:
            self.act(workbench)
        else:
            workbench.controller.said.emit(reason)


_may_accept = _first_of(_no_object, _takes_no_part)
_may_rename = _first_of(_no_object, _has_no_class)
_may_merge_or_split = _first_of(_no_object, _takes_no_part, _has_no_class)
_may_propagate = _first_of(_no_object, _busy)
_may_confirm = _first_of(_no_object, _nothing_clicked)

# By the part of the window they belong to, in the order in which the help panel shows them.
GROUPS: dict[str, tuple[Command, ...]] = {
    "Objects": (
        Command(
            "segment",
            "Segment the video",
            None,
            "Run the model on the sampled frames. What you edited or accepted stays.",
            _asking("segment"),
            _first_of(_busy, _no_video, _no_session_possible),
        ),
        Command(
            "cancel",
            "Cancel the running work",
            None,
            "Stop the running work; nothing is left half-written.",
            lambda workbench: workbench.controller.cancel(),
            _idle,
        ),
        Command(
            "undo",
            "Undo",
            "Ctrl+Z",
            "Take the last step back, whatever it was, and show its frame.",
            lambda workbench: workbench.controller.undo(),
        ),
        Command(
            "redo",
            "Redo",
            "Ctrl+Shift+Z",
            "Redo the step that was undone last, and show its frame.",
            lambda workbench: workbench.controller.redo(),
        ),
        Command(
            "accept_frame",
            "Accept the object in this frame",
            "W",
            "Mark the chosen object's mask in this frame as right.",
            lambda workbench: workbench.objects.accept_frame(),
            _may_accept,
        ),
        Command(
            "accept_object",
            "Accept the object in all frames",
            "Shift+W",
            "Mark all masks of the chosen object as right.",
            lambda workbench: workbench.objects.accept(),
            _may_accept,
        ),
        Command(
            "reject",
            "Reject the object",
            "J",
            "It does not sound: it leaves the list and is never exported, but can be restored.",
            lambda workbench: workbench.objects.reject(),
            _first_of(_no_object, _may_not_be_rejected),
        ),
        Command(
            "restore",
            "Restore the object",
            "Shift+J",
            "Add the chosen rejected object, or background query, to the objects.",
            lambda workbench: workbench.objects.restore(),
            _first_of(_no_object, _takes_part),
        ),
        Command(
            "split",
            "Split the object at this frame",
            "Shift+S",
            "From this frame on, the chosen object is another one of the same class.",
            lambda workbench: workbench.objects.split(),
            _may_merge_or_split,
        ),
        Command(
            "delete",
            "Delete the object",
            "Shift+Delete",
            "Delete the chosen object with all its masks; undo brings it back.",
            lambda workbench: workbench.objects.delete(),
            _no_object,
        ),
        Command(
            "previous_object",
            "Previous object",
            "Up",
            "Work on the previous object in the list.",
            lambda workbench: workbench.objects.choose_by(-1),
        ),
        Command(
            "next_object",
            "Next object",
            "Down",
            "Work on the next object in the list.",
            lambda workbench: workbench.objects.choose_by(1),
        ),
        Command(
            "previous_sampled",
            "Previous sampled frame",
            ",",
            "Go back to the last frame that the model saw.",
            lambda workbench: workbench.controller.navigation.go_sampled(forwards=False),
            _no_frame_before,
        ),
        Command(
            "next_sampled",
            "Next sampled frame",
            ".",
            "Go to the next frame that the model saw.",
            lambda workbench: workbench.controller.navigation.go_sampled(forwards=True),
            _no_frame_after,
        ),
        Command(
            "add_object",
            "New object",
            "N",
            "Type the class of an object that the model did not find, and paint it yourself.",
            _asking("add_object"),
            _no_session_possible,
        ),
        Command(
            "rename",
            "Give the object another class",
            "Shift+N",
            "Type another class in the object's row.",
            _asking("rename"),
            _may_rename,
        ),
        Command(
            "merge",
            "Merge another object into this one",
            "Shift+M",
            "Choose the object whose masks join the chosen one's.",
            _asking("merge"),
            _may_merge_or_split,
        ),
        Command(
            "show_models",
            "Show the models",
            None,
            "See the installed models; download, import and remove models.",
            _asking("show_models"),
        ),
        Command(
            "improve_model",
            "Improve the model",
            None,
            "Train a model on the clips that were corrected and accepted.",
            _asking("improve_model"),
        ),
        Command(
            "show_keys",
            "Show all keys",
            "H",
            "List the keys of the plugin, and those of napari that painting needs.",
            _asking("show_keys"),
        ),
    ),
    "Correct": (
        Command(
            "prompt",
            "Prompt with SAM 2",
            "Q",
            "Click on the picture: SAM 2 finds the mask of the chosen object. The key ends it, "
            "too.",
            lambda workbench: workbench.correction.prompts.toggle(),
            _no_object,
        ),
        Command(
            "prompt_from_mask",
            "Prompt from the current mask",
            "Shift+Q",
            "Let SAM 2 refine the mask that the object has in this frame.",
            lambda workbench: workbench.correction.prompts.use_mask(),
            _no_object,
        ),
        Command(
            "prompt_keep",
            "Keep the outlined mask (also Enter)",
            None,
            "Give the object the outlined mask. Enter over the picture does the same.",
            lambda workbench: workbench.correction.prompts.confirm(),
            _may_confirm,
        ),
        Command(
            "prompt_drop",
            "Drop the outlined mask (also Escape)",
            None,
            "Forget the clicks in this frame. Escape over the picture does the same.",
            lambda workbench: workbench.correction.prompts.drop(),
            _may_confirm,
        ),
        Command(
            "prompt_undo",
            "Take the last click back (also Ctrl+Z)",
            None,
            "Take the last click, box or mask back. Ctrl+Z over the picture does the same.",
            lambda workbench: workbench.correction.prompts.remove_last(),
            _may_confirm,
        ),
        Command(
            "propagate_forwards",
            "Propagate forwards",
            "G",
            "Follow the object from this frame on. Edited and accepted frames stay as they are.",
            lambda workbench: workbench.correction.propagate(Direction.FORWARDS),
            _may_propagate,
        ),
        Command(
            "propagate_backwards",
            "Propagate backwards",
            "Alt+G",
            "Follow the object back in time. Edited and accepted frames stay as they are.",
            lambda workbench: workbench.correction.propagate(Direction.BACKWARDS),
            _may_propagate,
        ),
        Command(
            "propagate_both",
            "Propagate both ways",
            "Shift+G",
            "Follow the object both ways. Edited and accepted frames stay as they are.",
            lambda workbench: workbench.correction.propagate(Direction.BOTH),
            _may_propagate,
        ),
        Command(
            "copy_to_next",
            "Copy to next frame",
            "Shift+C",
            "Copy the mask to the next frame, and go there.",
            lambda workbench: workbench.correction.copy_to_next(),
            _no_object,
        ),
        Command(
            "interpolate",
            "Interpolate",
            "Shift+I",
            "Fill the frames between the nearest edited or accepted ones before and after.",
            lambda workbench: workbench.correction.interpolate(),
            _may_propagate,
        ),
        Command(
            "clear_frame",
            "Clear frame",
            "Shift+X",
            "Mark the object as absent from this frame.",
            lambda workbench: workbench.correction.clear_frame(),
            _no_object,
        ),
        Command(
            "fill_holes",
            "Fill holes",
            "Shift+H",
            "Fill the holes of the mask in this frame.",
            lambda workbench: workbench.correction.fill_holes(),
            _no_object,
        ),
        Command(
            "remove_islands",
            "Remove islands",
            "Shift+D",
            "Remove small pieces apart from the mask in this frame.",
            lambda workbench: workbench.correction.remove_islands(),
            _no_object,
        ),
        Command(
            "back_to_proposal",
            "Back to the proposal",
            "Shift+R",
            "Restore what the model proposed in this frame.",
            lambda workbench: workbench.correction.back_to_proposal(),
            _no_object,
        ),
    ),
    "Sound": (
        Command(
            "play",
            "Play or pause",
            "K",
            "Play with sound from the frame shown, or pause. Space bar: press it in this panel, "
            "or tap it over the picture, where holding it still pans.",
            lambda workbench: workbench.player.toggle(),
            _no_video,
        ),
        Command(
            "loop",
            "Repeat the stretch",
            "Shift+K",
            "Repeat the selected stretch, or the whole video. Shift+drag in the panel selects one.",
            lambda workbench: workbench.player.set_loops(not workbench.player.loops),
            _no_video,
        ),
        Command(
            "half_speed",
            "Half speed",
            "Alt+K",
            "Play at half speed, at the same pitch.",
            lambda workbench: workbench.player.set_half_speed(not workbench.player.half_speed),
            _no_video,
        ),
        Command(
            "clear_stretch",
            "Clear the stretch",
            None,
            "Clear the selected stretch. Shift+click does the same.",
            lambda workbench: workbench.player.select(None),
            _first_of(_no_video, _no_stretch),
        ),
    ),
    "Queue": (
        Command(
            "next_video",
            "Next video",
            "U",
            "Open the next video of the queue.",
            lambda workbench: workbench.queue.go_next(),
            _first_of(no_queue, _no_next_video),
        ),
        Command(
            "previous_video",
            "Previous video",
            "Shift+U",
            "Open the previous video, done or not.",
            lambda workbench: workbench.queue.go_previous(),
            _first_of(no_queue, _no_video_before),
        ),
        Command(
            "video_done",
            "Video done, next",
            "Alt+U",
            "Mark this video as done and open the next one.",
            lambda workbench: workbench.queue.done_and_next(),
            _first_of(no_queue, _not_of_the_queue, _no_session, _busy),
        ),
        Command(
            "reload_queue",
            "Look through the videos again",
            None,
            "Look through the folder again: for new videos, and for what others have done.",
            lambda workbench: workbench.queue.reload(),
            _first_of(no_queue, being_listed),
        ),
    ),
    "Export": (
        Command(
            "export_video",
            "Export this video",
            "Ctrl+Alt+E",
            "Export the open video as the Export page says, and check what was written.",
            lambda workbench: workbench.exporter.export(),
            _first_of(_busy, _no_session, _no_folder),
        ),
        Command(
            "export_again",
            "Export again",
            None,
            "Write what has changed since it was exported to its place once more, with its "
            "settings of then. Only this video's clips are replaced.",
            lambda workbench: workbench.exporter.export_again(),
            _first_of(_busy, _no_session, _unchanged),
        ),
        Command(
            "check_dataset",
            "Check the dataset",
            None,
            "Look through every clip of the dataset, not only the one that was written.",
            lambda workbench: workbench.exporter.check_dataset(),
            _first_of(_busy, _no_folder, _has_no_check),
        ),
        Command(
            "import_dataset",
            "Import a dataset",
            None,
            "Turn an AVSBench or COCO dataset into videos with sessions, to correct its masks.",
            _asking("import_dataset"),
            _busy,
        ),
    ),
}

COMMANDS: dict[str, Command] = {one.id: one for group in GROUPS.values() for one in group}
