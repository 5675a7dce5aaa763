"""What the window shows of the open video: resolved in one place, applied where it differs.

`resolve` works it all out from what the workbench's parts know, without any widget. The `Display`
does so whenever something has changed, and hands each panel the part that it follows, where that
part is another one than before. So no panel knows of another, nor asks what has changed.

What can be done now, and why not, is not here but in the table of commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from napari_tavis.annotation import AnnotationSession, ExportNote, FrameStatus
from napari_tavis.annotation.objects import (
    DEFAULT_THRESHOLD,
    ObjectKind,
    ObjectState,
    SessionObject,
)
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.engine import TOY_MODEL
from napari_tavis.media import Clip
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.corrector import Corrector
from napari_tavis.widgets.correction.prompting import PromptTool
from napari_tavis.widgets.listeners import attempt
from napari_tavis.widgets.opening import VideoOpener

Part = TypeVar("Part")

_HOW = "Click: on the {name}. Shift+click: not on it. Drag: a box around it."
_WAITING = "Enter keeps the outline, Escape drops it, Backspace takes the last click back."
_DEMONSTRATION = "A demonstration: the toy's SAM 2 knows drawn scenes."
STATUS_ORDER = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED)


@dataclass(frozen=True)
class ObjectRow:
    """What the list says of an object; a column shows one or two of these."""

    object_id: int
    kind: ObjectKind
    rejected: bool
    visible: bool
    class_name: str
    color: tuple[int, int, int]
    score: float
    frames: int  # with a mask
    status: str
    counts: dict[FrameStatus, int]  # of its frames
    about_class: str
    about_frames: str

    @property
    def takes_part(self) -> bool:
        """Whether it is among the objects that are exported."""
        return not self.rejected and self.kind != "background"


@dataclass(frozen=True)
class Threshold:
    """Where the chosen object's proposed masks are cut, and why that cannot be changed."""

    value: float  # probability, 0 to 1
    why_not: str | None


@dataclass(frozen=True)
class Prompting:
    """Whether clicks on the picture are prompts now, and what a click does."""

    active: bool
    instruction: str


@dataclass(frozen=True)
class Frames:
    """Where the viewer is in the video, and how far the chosen object is along it."""

    count: int  # 0 for no video
    current: int
    sampled: list[int]
    statuses: dict[int, FrameStatus]  # of the chosen object
    place: str  # the current frame's time and number; empty without a video

    @property
    def here(self) -> FrameStatus | None:
        """The chosen object's status in the frame shown."""
        return self.statuses.get(self.current)


@dataclass(frozen=True)
class Shown:
    """All that is shown of the open video and its session beside the picture."""

    video: Path | None  # the one that is being opened, if one is
    clip: Clip | None  # the open one
    notice: str | None
    saves: bool
    busy: bool
    objects: tuple[ObjectRow, ...]
    chosen: int | None
    vocabulary: tuple[str, ...]  # class names to complete from, the session's own first
    threshold: Threshold
    prompting: Prompting
    frames: Frames
    exports: tuple[ExportNote, ...] | None  # None without a session
    # What objects, statuses and threshold were made of: while it stays they are taken from before,
    # as each frame that is played would else look through the frames of all objects.
    source: tuple[object, ...]


def resolve(
    controller: AnnotationController,
    opener: VideoOpener,
    correction: Corrector,
    before: Shown | None = None,
) -> Shown:
    """Work out what is shown now; `before` saves work and changes nothing."""
    session, chosen, layers = controller.session, controller.chosen, controller.layers
    items = [] if session is None else session.objects
    item = next((one for one in items if one.object_id == chosen), None)
    visible = frozenset(one.object_id for one in items if layers.is_visible(one.object_id))
    revision = None if session is None else session.revision
    source = (session, revision, visible, chosen, controller.obstacle)
    if before is not None and before.source == source:
        objects, statuses = before.objects, before.frames.statuses
        threshold = before.threshold
    else:
        objects = tuple(row_of(one, one.object_id in visible) for one in items)
        statuses = {} if session is None or item is None else session.statuses(item.object_id)
        threshold = _threshold(controller.obstacle, session, item)
    clip, navigation = controller.clip, controller.navigation
    own = () if session is None else session.vocabulary
    return Shown(
        video=opener.opening or controller.video,
        clip=clip,
        notice=controller.notice,
        saves=controller.saves,
        busy=controller.jobs.busy,
        objects=objects,
        chosen=chosen,
        vocabulary=tuple(dict.fromkeys((*own, *AVSBENCH_CLASSES[1:]))),
        threshold=threshold,
        prompting=_prompting(controller, correction.prompts),
        frames=Frames(
            count=0 if clip is None else len(clip.times),
            current=navigation.frame,
            sampled=navigation.sampled,
            statuses=statuses,
            place=navigation.describe(),
        ),
        exports=None if session is None else session.exports,
        source=source,
    )


class Display:
    """Resolves what is shown whenever something changes, and hands out what differs."""

    def __init__(
        self, controller: AnnotationController, opener: VideoOpener, correction: Corrector
    ) -> None:
        self._parts = controller, opener, correction
        self._followers: list[_Follower] = []
        self.shown = resolve(*self._parts)

    def follow(self, part: Callable[[Shown], Part], apply: Callable[[Part], object]) -> None:
        """Call `apply` with a part of what is shown: now, and whenever it is another one."""
        follower = _Follower(part, apply, part(self.shown))
        self._followers.append(follower)
        apply(follower.applied)

    def refresh(self) -> None:
        """Resolve what is shown, and have applied what differs."""
        self.shown = resolve(*self._parts, self.shown)
        for follower in self._followers:
            # Applying may change something and lead back here: the newest is what counts.
            part = follower.part(self.shown)
            if part != follower.applied:
                follower.applied = part
                attempt(partial(follower.apply, part))

    def close(self) -> None:
        """Let go of all who follow: they may be gone already."""
        self._followers.clear()


@dataclass
class _Follower:
    part: Callable[[Shown], Any]
    apply: Callable[[Any], object]
    applied: Any


# -- objects -----------------------------------------------------------------------------------


def row_of(item: SessionObject, visible: bool = True) -> ObjectRow:
    """Work out what the list says of an object."""
    counts = _count_statuses(item)
    return ObjectRow(
        object_id=item.object_id,
        kind=item.kind,
        rejected=item.state is ObjectState.REJECTED,
        visible=visible,
        class_name=item.class_name,
        color=item.color,
        score=item.score,
        frames=sum(not record.empty for record in item.frames.values()),
        status=_describe_status(item, counts),
        counts=counts,
        about_class=_describe_kind(item),
        about_frames=_describe_frames(counts),
    )


def _threshold(
    obstacle: str | None, session: AnnotationSession | None, chosen: SessionObject | None
) -> Threshold:
    if session is None or chosen is None:
        return Threshold(DEFAULT_THRESHOLD, obstacle or "Select an object first.")
    if obstacle is None and not session.has_logits(chosen.object_id):
        obstacle = (
            "This object has no proposed frame to cut anew: all are edited or accepted, "
            "or were made without the model."
        )
    return Threshold(chosen.threshold, obstacle)


def _prompting(controller: AnnotationController, prompts: PromptTool) -> Prompting:
    demonstration = _DEMONSTRATION if controller.options.model == TOY_MODEL else ""
    spot, session = prompts.spot, controller.session
    if not prompts.active or spot is None or session is None:
        return Prompting(prompts.active, demonstration)
    if not prompts.prompts.empty:
        return Prompting(True, _WAITING)
    lines = [_HOW.format(name=session.object(spot.object_id).class_name), demonstration]
    waiting = prompts.book.frames(spot.object_id)
    if waiting:
        lines.insert(0, f"Not kept yet in frame {waiting[0] + 1}: Enter goes there.")
    return Prompting(True, " ".join(filter(None, lines)))


def _count_statuses(item: SessionObject) -> dict[FrameStatus, int]:
    """Count an object's frames by their status."""
    statuses = [record.status for record in item.frames.values()]
    # Not by a Counter: hashing the status of each frame takes several times as long.
    counts = {status: statuses.count(status) for status in STATUS_ORDER}
    return {status: count for status, count in counts.items() if count}


def _describe_status(item: SessionObject, counts: dict[FrameStatus, int]) -> str:
    """Say how far a person has gone with an object, such as ``2/5 checked``."""
    if item.state is ObjectState.REJECTED:
        return "rejected"
    if item.kind == "background":
        return "background"
    if len(counts) == 1:
        return str(next(iter(counts)))
    checked = sum(count for status, count in counts.items() if status.by_person)
    return f"{checked}/{len(item.frames)} checked" if item.frames else "empty"


def _describe_frames(counts: dict[FrameStatus, int]) -> str:
    """Count the frames by their status: ``Frames: 2 accepted, 3 proposed.`` for one."""
    parts = [f"{count} {status}" for status, count in counts.items()]
    return f"Frames: {', '.join(parts)}." if parts else "Nothing is known of any frame yet."


def _describe_kind(item: SessionObject) -> str:
    """Say what an object is, and what can be done with its class."""
    if item.kind == "scene":
        return "The mask of all that sounds."
    if item.kind == "background":
        return "A query that the model called background. Restore it if it sounds after all."
    if item.state is ObjectState.REJECTED:
        return "Rejected: it is never exported. Restore it to take it back."
    return "The object's class and colour. Double-click to give it another class."
