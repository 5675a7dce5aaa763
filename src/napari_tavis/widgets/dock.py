"""The dock widget "TAViS annotation"."""

from __future__ import annotations

import napari.viewer
from magicgui.widgets import Container, Label, LineEdit, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCompleter, QSizePolicy, QWidget
from superqt import QCollapsible

from napari_tavis.errors import TavisError
from napari_tavis.session import FrameStatus
from napari_tavis.vocabulary import AVSBENCH_CLASSES
from napari_tavis.widgets import long_work
from napari_tavis.widgets import object_actions as actions
from napari_tavis.widgets.closing import CloseWatcher
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.forms import ExportForm, SettingsForm, path_of
from napari_tavis.widgets.frame_strip import FrameStrip
from napari_tavis.widgets.jobs import report_error
from napari_tavis.widgets.object_table import ObjectTable
from napari_tavis.widgets.time_left import TimeLeft, describe_progress

_SEGMENT = "Run the model on the sampled frames. What you edited or accepted stays."
_CANCEL = "Stop the running work; nothing is left half-written."
_EXPORT = "Write the masks into the dataset, and check the dataset."
_ADD = "Add an object that the model did not find, and paint it yourself."
_NEXT = "Go to the next frame that the model saw."
_PREVIOUS = "Go back to the last frame that the model saw."
_ACCEPT_FRAME = "Mark the selected object's mask in this frame as right."
_ACCEPT_OBJECT = "Mark all masks of the selected object as right."

_WIDTH = 330
"""Least width of the dock, in pixels."""


class AnnotationDock(Container[Widget]):
    """Segments what sounds in a video, shows it as layers, and exports what was corrected.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer; napari gives it.

    Attributes
    ----------
    controller : AnnotationController
        Does what the buttons say.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(labels=False)
        # napari hands plugins a proxy whose layers are proxies, too: never the same object twice.
        self.controller = AnnotationController(getattr(viewer, "__wrapped__", viewer))
        self.settings = SettingsForm()
        self.segment = PushButton(text="Segment")
        self.cancel = PushButton(text="Cancel")
        self.progress = ProgressBar(visible=False, min=0, max=0)
        self.message = Label(value="")
        self.objects = ObjectTable()
        self.new_class = LineEdit()
        self.add_object = PushButton(text="Add object")
        self.where = Label(value="")
        self.strip = FrameStrip()
        self.previous = PushButton(text="◀ Previous")
        self.next = PushButton(text="Next ▶")
        self.accept_frame = PushButton(text="Accept frame")
        self.accept_object = PushButton(text="Accept object")
        self.export_form = ExportForm()
        self.export = PushButton(text="Export")
        self._time_left = TimeLeft()
        self._busy = False
        self._arrange()
        self._connect()
        self._refresh()
        self.controller.adopt_shown_video()

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        for text in (self.message, self.settings.demonstration):
            text.native.setWordWrap(True)
            text.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.new_class.tooltip = "The class of the object to add, such as: dog."
        self.new_class.native.setPlaceholderText("class")
        self.new_class.native.setCompleter(QCompleter(AVSBENCH_CLASSES[1:]))
        self.export_section = QCollapsible(
            "Export to AVSBench", collapsedIcon="▸", expandedIcon="▾"
        )
        self.export_section.setDuration(0)
        self.export_section.toggled.connect(self._show_export)
        self.export_section.addWidget(self.export_form.native)
        self.export_section.addWidget(self.export.native)
        walk = _row(self.previous, self.next)
        parts: list[Widget] = [
            self.settings,
            _row(self.segment, self.cancel),
            self.progress,
            self.message,
            _row(self.accept_frame, self.accept_object),
            _row(self.new_class, self.add_object),
            self.where,
            walk,
        ]
        body = Container(widgets=parts, labels=False, scrollable=True)
        _insert_below(body, self.message, self.objects)
        _insert_below(body, self.where, self.strip)
        _insert_below(body, walk, self.export_section)
        self._body = body
        self.margins = (0, 0, 0, 0)
        # Docking takes a container's inside only: the scroll area has to be inside, too.
        self.native.layout().addWidget(body.root_native_widget)
        self.native.setMinimumWidth(_WIDTH)

    def _connect(self) -> None:
        controller = self.controller
        self.settings.video.changed.connect(self._on_video_chosen)
        self.segment.clicked.connect(self._on_segment)
        self.cancel.clicked.connect(lambda: long_work.cancel(controller))
        self.previous.clicked.connect(lambda: self._go_to(controller.navigation.previous_sampled()))
        self.next.clicked.connect(lambda: self._go_to(controller.navigation.next_sampled()))
        self.accept_frame.clicked.connect(lambda: actions.accept_frame(controller))
        self.accept_object.clicked.connect(lambda: actions.accept_object(controller))
        self.export.clicked.connect(self._on_export)
        self.add_object.clicked.connect(self._on_add)
        self.strip.clicked.connect(controller.navigation.go_to)
        self.objects.chosen.connect(controller.choose)
        self.objects.renamed.connect(self._on_renamed)
        controller.changed.connect(self._refresh)
        controller.edited.connect(self._refresh_objects)
        controller.said.connect(self._say)
        controller.chosen_changed.connect(self._on_chosen)
        controller.navigation.moved.connect(self._refresh_controls)
        controller.jobs.progressed.connect(self._on_progress)
        self._close_watcher = CloseWatcher(self.native, controller.close)

    def close_session(self) -> None:
        """Cancel running work, save, and let go of the viewer; as when the dock is closed."""
        self._close_watcher.close()

    # -- what the user does ----------------------------------------------------------------

    def _on_video_chosen(self) -> None:
        path = path_of(self.settings.video)
        if path is not None and path.is_file() and path != self.controller.video:
            self.controller.open_video(path)

    def _on_segment(self) -> None:
        if self._read_options():
            long_work.segment(self.controller)

    def _read_options(self) -> bool:
        """Hand what the form says to the controller; say what cannot be read."""
        try:
            self.controller.options = self.settings.read()
        except TavisError as error:
            report_error(error)
            return False
        return True

    def _on_export(self) -> None:
        try:
            options = self.export_form.read()
        except TavisError as error:
            report_error(error)
        else:
            long_work.export(self.controller, options)

    def _show_export(self, expanded: bool) -> None:
        """Scroll to the export's button once its form has its place."""
        if expanded:
            scroll, button = self._body.root_native_widget, self.export.native
            QTimer.singleShot(0, button, lambda: scroll.ensureWidgetVisible(button))

    def _on_renamed(self, object_id: int, class_name: str) -> None:
        actions.rename_object(self.controller, object_id, class_name)
        self._refresh_objects()  # a refused name is taken back

    def _on_add(self) -> None:
        actions.add_object(self.controller, self.new_class.value.strip())
        self.new_class.value = ""

    def _on_chosen(self, object_id: int | None) -> None:
        self.objects.choose(object_id)
        self._refresh_controls()

    def _go_to(self, frame: int | None) -> None:
        if frame is not None:
            self.controller.navigation.go_to(frame)

    # -- what is shown ---------------------------------------------------------------------

    def _say(self, sentence: str) -> None:
        self.message.value = sentence

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.progress.max = max(total, 0)
        self.progress.value = done
        self._say(describe_progress(done, total, what, self._time_left.update(done, total, what)))

    def _refresh(self) -> None:
        """Show the video, the objects, and what can be done."""
        busy = self.controller.jobs.busy
        if busy != self._busy:
            self._busy = busy
            self.progress.visible = busy
            self.progress.max = 0
            self._time_left = TimeLeft()
        video = self.controller.video
        if video is not None and self.settings.video.value != video:
            self.settings.video.value = video
        self._refresh_objects()

    def _refresh_objects(self, object_id: int | None = None) -> None:
        self.objects.fill(self.controller.session, self.controller.chosen)
        self._refresh_controls()

    def _refresh_controls(self, frame: int | None = None) -> None:
        """Enable what can be done now; what cannot be says why."""
        controller, navigation = self.controller, self.controller.navigation
        busy = "Wait for the running work, or cancel it." if controller.jobs.busy else None
        no_video = "Open a video first." if controller.clip is None else None
        blocked = "Move the unreadable session away first." if controller.blocked else None
        nothing = "Segment a video first." if controller.session is None else None
        no_choice = "Select an object first." if self.controller.chosen is None else None
        last = "No sampled frame after this one." if navigation.next_sampled() is None else None
        first = None
        if navigation.previous_sampled() is None:
            first = "No sampled frame before this one."
        _allow(self.segment, _SEGMENT, busy or no_video or blocked)
        _allow(self.cancel, _CANCEL, None if busy else "Nothing runs now.")
        _allow(self.export, _EXPORT, busy or nothing)
        _allow(self.add_object, _ADD, no_video or blocked)
        _allow(self.next, _NEXT, nothing or last)
        _allow(self.previous, _PREVIOUS, nothing or first)
        _allow(self.accept_frame, _ACCEPT_FRAME, nothing or no_choice)
        _allow(self.accept_object, _ACCEPT_OBJECT, nothing or no_choice)
        self.settings.video.enabled = not busy
        self._refresh_frames()

    def _refresh_frames(self) -> None:
        """Show where the viewer is in the video, and the selected object's status there."""
        controller, navigation = self.controller, self.controller.navigation
        session, chosen = controller.session, controller.chosen
        status: dict[int, FrameStatus] = {}
        if session is not None and chosen is not None:
            status = {
                frame: found
                for frame in session.annotated_frames(chosen)
                if (found := session.status(chosen, frame)) is not None
            }
        here = status.get(navigation.frame)
        place = navigation.describe() or "No video"
        self.where.value = place if here is None else f"{place} · {here}"
        count = 0 if controller.clip is None else len(controller.clip.times)
        self.strip.show_frames(count, navigation.frame, navigation.sampled, status)


def _insert_below(body: Container[Widget], above: Widget, widget: QWidget) -> None:
    """Put a Qt widget below a magicgui one: for what magicgui does not have."""
    layout = body.native.layout()
    layout.insertWidget(layout.indexOf(above.native) + 1, widget)


def _row(*widgets: Widget) -> Container[Widget]:
    """Put widgets side by side."""
    row = Container(widgets=widgets, layout="horizontal", labels=False)
    row.margins = (0, 0, 0, 0)
    return row


def _allow(button: PushButton, purpose: str, reason: str | None) -> None:
    """Enable a button, or disable it and let its tooltip say why."""
    button.enabled = reason is None
    button.tooltip = purpose if reason is None else f"{purpose}\n{reason}"
