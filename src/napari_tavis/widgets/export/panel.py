"""The *Export* page: what is written where, and how it went."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.history import SessionChange
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled
from napari_tavis.datasets.avsbench import Violation
from napari_tavis.datasets.avsbench.mapping import UnmappedClassError
from napari_tavis.exchange.exporting import (
    ExportResult,
    changed_exports,
    note_export,
    request_again,
)
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.exchange.importing import import_dataset
from napari_tavis.exchange.new_session import ImportReport
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.export import work
from napari_tavis.widgets.export.form import ExportForm
from napari_tavis.widgets.export.import_dialog import ImportDialog
from napari_tavis.widgets.export.mapping_dialog import MappingDialog
from napari_tavis.widgets.export.preview_view import PICTURES, PreviewView
from napari_tavis.widgets.export.report_view import ReportView
from napari_tavis.widgets.jobs import JobRunner, report_error

Ask: TypeAlias = Callable[[AnnotationSession], list[ExportRequest]]
"""Says what is to be exported of a session."""

_EXPORT = "Write this, and check what was written."
_IMPORT = "Turn an AVSBench or COCO dataset into videos with sessions, to correct its masks."
_NOTES = 5
"""Notes on an import that are shown one by one."""
_IMPROVE = "Train a model on the clips that were corrected and accepted."
_DELAY_MS = 300
"""How long after the last change of the form the preview is made anew."""


class ExportPanel(QWidget):
    """Writes the open session as a dataset.

    Parameters
    ----------
    controller : AnnotationController
        The video and its session.
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, controller: AnnotationController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._edited_meanwhile = False
        self._previews = JobRunner(self)
        self._wanted = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self.form = ExportForm()
        self.preview = PreviewView()
        self.report = ReportView()
        self.export = QPushButton("Export")
        self.import_dataset = QPushButton("Import a dataset …")
        self.improve = QPushButton("Improve the model …")
        self.improve.setToolTip(_IMPROVE)
        self._arrange()
        self._connect()
        self._refresh()

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(8)
        layout.addWidget(self.form)
        layout.addWidget(_heading("What will be written"))
        layout.addWidget(self.preview)
        layout.addWidget(self.export)
        layout.addWidget(self.report)
        layout.addStretch(1)
        layout.addWidget(self.import_dataset)
        layout.addWidget(self.improve)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)

    def _connect(self) -> None:
        controller = self._controller
        self._timer.timeout.connect(self._make_preview)
        self.form.changed.connect(self._refresh)
        self.form.here_asked.connect(self._start_here)
        self.form.classes_asked.connect(self._change_mapping)
        self.export.clicked.connect(self.export_video)
        self.import_dataset.clicked.connect(self._on_import)
        self.improve.clicked.connect(lambda: controller.asked.emit("improve_model"))
        self.report.again_asked.connect(self._on_again)
        self.report.check_asked.connect(self._on_check)
        controller.changed.connect(self._refresh)
        controller.edited.connect(self._on_edited)
        controller.closing.connect(self._on_closing)
        controller.asked.connect(self._on_asked)

    # -- what the user does ----------------------------------------------------------------

    def _on_asked(self, what: str) -> None:
        if what == "export_video":
            self.export_video()

    def export_video(self) -> None:
        """Export the open video as the form says."""
        try:
            request = self.form.read()
        except TavisError as error:
            report_error(error)
        else:
            self._start(lambda session: [request])

    def _on_again(self) -> None:
        self._start(lambda session: [request_again(note) for note in changed_exports(session)])

    def _on_check(self) -> None:
        root = self._root()
        if root is None or self._controller.jobs.busy:
            return
        self._controller.jobs.start(
            lambda task: work.check_dataset(root, task),
            lambda found: self._show_check(root, found),
            outlasts=True,
        )

    def _on_import(self) -> None:
        dialog = ImportDialog(self)
        if not dialog.exec() or self._controller.jobs.busy:
            return
        asked = dialog.asked
        self._controller.jobs.start(
            lambda task: import_dataset(
                asked.dataset,
                asked.output,
                videos=asked.videos,
                first_frame=asked.first_frame,
                partial=asked.partial,
                task=task,
            ),
            lambda report: self._on_imported(asked.output, report),
            outlasts=True,
        )

    def _on_imported(self, output: Path, report: ImportReport) -> None:
        text = report.summary()
        if report.videos:
            text += f" Open {output} in Queue."
        more = len(report.notes) - _NOTES
        notes = [*report.notes[:_NOTES], *([f"And {more} more like these."] if more > 0 else [])]
        problems = [Violation(output, sentence) for sentence in report.skipped]
        self.report.show_result(" ".join((text, *notes)), output, problems)
        self._controller.said.emit(text)
        QTimer.singleShot(0, self, self._scroll_to_report)

    def _start_here(self) -> None:
        clip = self._controller.clip
        if clip is not None:
            second = math.floor(float(clip.times[self._controller.navigation.frame]))
            self.form.start.setValue(second)

    def _change_mapping(self) -> None:
        mapping = self.form.whole_mapping
        dialog = MappingDialog((*self.form.unmapped, *mapping), mapping, self)
        if dialog.exec():
            self.form.set_mapping(dialog.mapping)

    def ask_mapping(self, error: UnmappedClassError) -> bool:
        """Ask what becomes of classes that AVSBench does not have, before anything is written.

        Returns
        -------
        bool
            Whether the export may go on.
        """
        dialog = MappingDialog(error.class_names, self.form.mapping, self)
        if not dialog.exec():
            self._controller.said.emit("Nothing was exported.")
            return False
        self.form.set_mapping(dialog.mapping)
        return True

    # -- exporting -------------------------------------------------------------------------

    def _start(self, ask: Ask) -> None:
        """Save the session, and export it as it is now."""
        session = self._controller.collect_edits()
        if session is None or self._controller.jobs.busy:
            return
        try:
            requests = [self._with_mapping(request) for request in ask(session)]
            if not session.read_only:
                session.save()
        except TavisError as error:
            report_error(error)
            return
        self._edited_meanwhile = False
        session.changed.connect(self._note_change)
        directory, video = session.path, session.video
        self._controller.jobs.start(
            lambda task: work.export_saved(directory, video, requests, task),
            lambda results: self._on_exported(session, results),
            lambda error: self._on_failed(session, error, ask),
            outlasts=True,
        )

    def _with_mapping(self, request: ExportRequest) -> ExportRequest:
        """Add what was said here of classes to a request that comes from elsewhere."""
        return replace(request, mapping={**request.mapping, **self.form.mapping})

    def _note_change(self, change: SessionChange) -> None:
        """Remember that the session is no longer what is being exported."""
        if change.kind not in ("saved", "marked"):
            self._edited_meanwhile = True

    def _on_exported(self, session: AnnotationSession, results: list[ExportResult]) -> None:
        session.changed.disconnect(self._note_change)
        if not self._edited_meanwhile:
            for result in results:
                note_export(session, result)
            self._controller.refresh([])  # saved soon
        found = [one for result in results for one in result.violations]
        names = ", ".join(result.name for result in results)
        text = f"{names} is written and {'valid.' if not found else 'has ' + _count(found)}"
        if self._edited_meanwhile:
            text += " You went on painting meanwhile: export again for that."
        root = results[-1].request.root
        notes = list(dict.fromkeys(note for result in results for note in result.notes))
        self.report.show_result(text, root, found, notes)
        QTimer.singleShot(0, self, self._scroll_to_report)
        self._controller.said.emit(f"Exported {names} to {root}.")
        self._refresh()

    def _scroll_to_report(self) -> None:
        self._scroll.ensureWidgetVisible(self.report.check)

    def _on_failed(self, session: AnnotationSession, error: BaseException, ask: Ask) -> None:
        session.changed.disconnect(self._note_change)
        self._refresh()
        if isinstance(error, UnmappedClassError):
            if self.ask_mapping(error):
                self._start(ask)
            return
        said = "Cancelled; nothing was exported." if isinstance(error, Cancelled) else str(error)
        self._controller.said.emit(said)
        report_error(error)

    def _show_check(self, root: Path, found: list[Violation]) -> None:
        text = "The whole dataset is valid." if not found else f"The dataset has {_count(found)}"
        self.report.show_result(text, root, found)

    # -- what is shown ---------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Make the preview when the page comes to sight."""
        super().showEvent(event)
        self._refresh()

    def _on_edited(self, object_id: int) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """Show what can be done; what cannot says why."""
        controller = self._controller
        session = controller.session
        busy = "Wait for the running work, or cancel it." if controller.jobs.busy else None
        nothing = "Open a video and annotate it first." if session is None else None
        folder = "Choose a folder first." if self._root() is None else None
        allow(self.export, _EXPORT, busy or nothing or folder)
        allow(self.import_dataset, _IMPORT, busy)
        allow(self.form.here, "Start at the second of the frame shown.", nothing)
        self.report.show_earlier(() if session is None else session.exports, busy)
        none = None if self.form.chosen.checks_datasets else "Only AVSBench datasets have one."
        self.report.allow_check(busy or none)
        self._request_preview()

    def _root(self) -> Path | None:
        folder = self.form.folder.text().strip()
        return Path(folder).expanduser() if folder else None

    def _request_preview(self) -> None:
        if self.isVisible():
            self._timer.start()

    def _make_preview(self) -> None:
        """Work the preview out in the background; the last request wins."""
        controller = self._controller
        session, clip = controller.session, controller.clip
        if session is None or clip is None:
            self.preview.say("Nothing yet: open a video and annotate it first.")
            return
        try:
            request = self.form.read()
        except TavisError as error:
            self.preview.say(str(error))
            return
        if self._previews.busy:
            self._wanted = True
            self._previews.cancel()
            return
        self._previews.start(
            lambda task: work.make_preview(session, clip, request, PICTURES, task),
            self._show_preview,
            self._show_problem,
        )

    def _show_preview(self, shown: work.ShownPreview) -> None:
        self.form.show_classes((), _of_session(shown))
        self.preview.show_plan(shown.plan, shown.pictures)
        self._again_if_wanted()

    def _show_problem(self, error: BaseException) -> None:
        if isinstance(error, UnmappedClassError):
            names = ", ".join(error.class_names)
            self.form.show_classes(error.class_names)
            self.preview.say(f"⚠ AVSBench has no class for: {names}. Export asks what they become.")
        elif isinstance(error, TavisError):
            if not isinstance(error, Cancelled):
                self.preview.say(f"⚠ {error}")
        else:
            report_error(error)
        self._again_if_wanted()

    def _again_if_wanted(self) -> None:
        if self._wanted:
            self._wanted = False
            self._timer.start()

    def _on_closing(self, window_stays: bool) -> None:
        self._previews.close()
        if isalive(self):  # a window that is destroyed takes its timers along
            self._timer.stop()


def _of_session(shown: work.ShownPreview) -> dict[str, str | None]:
    """Give what is said of the session's own classes: a dataset may know many more."""
    classes = {planned.item.class_name for planned in shown.plan.objects}
    return {name: to for name, to in shown.plan.request.mapping.items() if name in classes}


def _count(found: list[Violation]) -> str:
    return f"{len(found)} violation{'' if len(found) == 1 else 's'}."


def _heading(text: str) -> QLabel:
    label = QLabel(f"<b>{text}</b>")
    label.setStyleSheet("margin-top: 4px;")
    return label
