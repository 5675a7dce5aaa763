"""The numbers of a set of videos: states, time, corrections, classes, agreement."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Task
from napari_tavis.project import report
from napari_tavis.project.agreement import Agreement
from napari_tavis.project.listing import find_sources
from napari_tavis.project.statistics import EMPTY, Statistics, collect
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.frame_strip import STATUS_COLORS
from napari_tavis.widgets.jobs import JobRunner, TimeLeft, describe_progress, report_error
from napari_tavis.widgets.project.share_bar import STATE_COLORS, ShareBar
from napari_tavis.widgets.workbench import Workbench

_COUNT = "Count again, with what is saved now."
_STOP = "Stop counting."
_ADD = (
    "Count the sessions of another folder as well. If a second person annotated the same videos "
    "there, their masks are compared with the first person's."
)
_SAVE = "Write the numbers to a JSON file."
_NOTHING = (
    "Open a folder of videos under Queue, or add one here, to see how far the work has come, how "
    "much was corrected, and how well two people agree."
)
_CLASSES = (
    ("class", "The class."),
    ("clips", "Clips in which it occurs."),
    ("objects", "Objects of the class."),
    ("masks", "Their masks, over all frames."),
    ("IoU", "Mean IoU of checked masks with what the model proposed; 1 means unchanged."),
)
_AGREEMENT = (
    ("video", "The video that two people annotated."),
    ("frames", "Frames that both have finished, which are compared."),
    ("objects", "Objects that both have, of those that at least one has."),
    ("IoU", "Mean IoU of the objects that both have."),
    ("class", "Share of these objects to which both gave the same class."),
)
_FRAME_COLORS: dict[str, str] = {
    **{str(status): color for status, color in STATUS_COLORS.items() if status is not None},
    EMPTY: STATUS_COLORS[None],
}
_ROW_HEIGHT = 22
_MOST_ROWS = 12


class StatisticsPage(QWidget):
    """Counts the sessions of the queue, or of the open video's folder, and shows the numbers."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = self._controller = workbench.controller
        self.statistics: Statistics | None = None  # what is shown
        self._sources: list[Path] = []
        # Without a Qt parent it outlives the widgets, so that closing can still end the work.
        self._jobs = JobRunner()
        self._time_left = TimeLeft()
        self._make_widgets()
        self._arrange()
        self.count.clicked.connect(self._on_count)
        self.add.clicked.connect(self._choose_folder)
        self.save.clicked.connect(self._choose_file)
        self._jobs.progressed.connect(self._on_progress)
        self._jobs.busy_changed.connect(lambda busy: self._refresh())
        workbench.queue.source_changed.connect(self.show_source)
        controller.closing.connect(lambda window_stays: self._jobs.close())
        self._refresh()

    # -- building --------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.count = QPushButton("Count again")
        self.add = QPushButton("Add folder …")
        self.save = QPushButton("Save …")
        self.message = _text()
        self.clips, self.frames = _text(), _text()
        self.clip_bar = ShareBar({str(state): color for state, color in STATE_COLORS.items()})
        self.frame_bar = ShareBar(_FRAME_COLORS)
        self.time, self.change, self.agreement, self.problems = (_text() for _ in range(4))
        self.classes = _NumberTable(_CLASSES)
        self.pairs = _NumberTable(_AGREEMENT)

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.count, self.add, self.save):
            buttons.addWidget(button)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 6, 0)
        for title, *parts in (
            ("Clips", self.clips, self.clip_bar),
            ("Sampled frames", self.frames, self.frame_bar),
            ("Time", self.time),
            ("Corrections", self.change),
            ("Classes", self.classes),
            ("Agreement", self.agreement, self.pairs),
        ):
            heading = QLabel(f"<b>{title}</b>")
            heading.setContentsMargins(0, 8, 0, 0)
            body.addWidget(heading)
            for part in parts:
                body.addWidget(part)
        body.addWidget(self.problems)
        body.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._body)
        layout = QVBoxLayout(self)
        layout.addLayout(buttons)
        layout.addWidget(self.message)
        layout.addWidget(scroll, 1)

    # -- what is counted -------------------------------------------------------------------

    @property
    def sources(self) -> list[Path]:
        """The folders and lists to count; the open video's folder if none was chosen."""
        video = self._controller.video
        return self._sources or ([] if video is None else [video.parent])

    def show_source(self, source: Path) -> None:
        """Count the videos of a folder or a list file, and nothing else."""
        self._sources = [Path(source)]
        self.statistics = None
        if self.isVisible():
            self.start()
        self._refresh()

    def add_source(self, source: Path) -> None:
        """Count the videos of another folder as well."""
        self._sources = list(dict.fromkeys([*self.sources, Path(source)]))
        self.start()

    def start(self) -> None:
        """Count, in the background."""
        sources = self.sources
        if self._jobs.busy or not sources:
            return
        session = self._controller.collect_edits()
        self._time_left = TimeLeft()

        def run(task: Task) -> Statistics:
            task.report(0, 0, "looking for sessions")
            if session is not None and not session.read_only:
                session.save()  # the sessions are counted from the disk
            found = find_sources(sources)
            return collect(found.sessions, unsegmented=found.unsegmented, task=task)

        self._jobs.start(run, self._on_counted, self._on_failed)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Count whenever the page is shown; until that is done it shows the earlier numbers."""
        super().showEvent(event)
        self.start()
        self._refresh()

    def _on_count(self) -> None:
        if self._jobs.busy:
            self._jobs.cancel()
        else:
            self.start()

    def _on_counted(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self._refresh()

    def _on_failed(self, error: BaseException) -> None:
        report_error(error)
        self._refresh()

    def _choose_folder(self) -> None:
        start = str(self.sources[-1]) if self.sources else ""
        chosen = QFileDialog.getExistingDirectory(self, "A folder of sessions", start)
        if chosen:
            self.add_source(Path(chosen))

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, "A file for the numbers", "statistics.json", "JSON (*.json)"
        )
        if chosen:
            self.write(Path(chosen))

    def write(self, file: Path) -> None:
        """Write the numbers that are shown to a JSON file."""
        if self.statistics is None:
            return
        try:
            report.write_json(file, self.statistics)
        except TavisError as error:
            report_error(error)
        else:
            self._controller.said.emit(f"The numbers are in {file}.")

    # -- what is shown ---------------------------------------------------------------------

    def _on_progress(self, done: int, total: int, what: str) -> None:
        left = self._time_left.update(done, total, what)
        self.message.setText(describe_progress(done, total, what, left))

    def _refresh(self) -> None:
        busy, found = self._jobs.busy, self.statistics
        self.count.setText("Stop" if busy else "Count again")
        none = "Choose a folder under Queue, or add one." if not self.sources else None
        allow(self.count, _STOP if busy else _COUNT, None if busy else none)
        allow(self.add, _ADD, "Wait until counting has finished." if busy else None)
        allow(self.save, _SAVE, "Nothing is counted yet." if found is None else None)
        if not busy:
            self.message.setText("\n".join(map(_breakable, self.sources)) or _NOTHING)
        self._body.setVisible(found is not None)
        if found is not None:
            self._show(found)

    def _show(self, found: Statistics) -> None:
        self.clips.setText(report.count(sum(found.clips_by_state.values()), "clip"))
        self.clip_bar.show_counts({str(state): n for state, n in found.clips_by_state.items()})
        masks = sum(found.masks_by_status.values())
        frames = report.count(sum(found.frames_by_status.values()), "sampled frame")
        self.frames.setText(f"{frames}, {report.count(masks, 'mask')}")
        self.frame_bar.show_counts(found.frames_by_status)
        self.time.setText(report.time_in_words(found))
        rejected = f"; {report.count(found.rejected, 'object')} rejected" if found.rejected else ""
        self.change.setText(report.change_in_words(found.change) + rejected)
        self.classes.show_rows(
            [
                [
                    name,
                    str(one.clips),
                    str(one.objects),
                    str(one.masks),
                    _number(one.change.mean_iou),
                ]
                for name, one in found.classes.items()
            ]
        )
        self.classes.setVisible(bool(found.classes))
        self.pairs.show_rows(
            [_pair(one) for one in found.agreements],
            [
                f"{one.first}\n{one.second}\n{report.agreement_in_words(one)}"
                for one in found.agreements
            ],
        )
        self.pairs.setVisible(bool(found.agreements))
        self.agreement.setText(report.agreements_in_words(found))
        self.problems.setText("\n".join(found.problems))
        self.problems.setVisible(bool(found.problems))


def _pair(one: Agreement) -> list[str]:
    either = len(one.matched) + len(one.first_only) + len(one.second_only)
    share = "-" if one.class_share is None else f"{one.class_share:.0%}"
    objects = f"{len(one.matched)} of {either}" if either else "-"
    return [one.video, str(one.frames), objects, _number(one.object_iou), share]


def _number(value: float | None) -> str:
    """Format a number from 0 to 1; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def _breakable(path: Path) -> str:
    """Let a label break a path after each separator: it has no spaces to break at."""
    return str(path).replace(os.sep, f"{os.sep}\N{ZERO WIDTH SPACE}")


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class _NumberTable(QTableWidget):
    """Shows words in the first column and numbers in the others; it is as high as its rows.

    `columns` are pairs of a title and a tooltip.
    """

    def __init__(self, columns: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(0, len(columns), parent)
        self._tips = [tip for _, tip in columns]
        for column, (title, tip) in enumerate(columns):
            heading = QTableWidgetItem(title)
            heading.setToolTip(tip)
            self.setHorizontalHeaderItem(column, heading)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for enough height to show all rows, up to a dozen."""
        rows = min(max(self.rowCount(), 1), _MOST_ROWS)
        return QSize(200, self.horizontalHeader().sizeHint().height() + rows * _ROW_HEIGHT + 4)

    def show_rows(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show rows of texts; `tips` are the tooltips of the first column, by default its texts."""
        self.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                cell = QTableWidgetItem(text)
                if column:
                    cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                    cell.setToolTip(self._tips[column])
                else:
                    cell.setToolTip(tips[row] if row < len(tips) else text)
                self.setItem(row, column, cell)
        self.updateGeometry()
