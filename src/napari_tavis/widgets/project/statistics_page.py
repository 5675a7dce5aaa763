"""What has become of the set of videos, in numbers."""

from __future__ import annotations

import os
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Task
from napari_tavis.project import report
from napari_tavis.project.agreement import Agreement
from napari_tavis.project.sources import find_sources
from napari_tavis.project.statistics import Statistics, collect
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.jobs import JobRunner, TimeLeft, describe_progress, report_error
from napari_tavis.widgets.project.colors import FRAME_COLORS, STATE_COLORS
from napari_tavis.widgets.project.number_table import NumberTable
from napari_tavis.widgets.project.share_bar import ShareBar
from napari_tavis.widgets.workbench import Workbench

_COUNT = "Count again, from what is saved now."
_STOP = "Stop counting."
_ADD = (
    "Count the sessions of another folder, too: those of a second person who annotated the same "
    "videos are compared with the first one's."
)
_SAVE = "Write the numbers into a JSON file."
_NOTHING = (
    "Open a folder of videos under Queue, or add one here, to see how far they have come, how "
    "much was corrected, and how well two people agree."
)
_CLASSES = (
    ("class", "The class."),
    ("clips", "Clips in which it occurs."),
    ("objects", "Objects of the class."),
    ("masks", "Their masks, over all frames."),
    ("IoU", "Mean IoU of checked masks with what the model proposed; 1 is unchanged."),
)
_AGREEMENT = (
    ("video", "The video that two people annotated."),
    ("frames", "Frames that both have finished, and that were compared."),
    ("objects", "Objects that both have, of those that either has."),
    ("IoU", "Mean IoU of the objects that both have."),
    ("class", "Share of them that both gave the same class."),
)


class StatisticsPage(QWidget):
    """Counts a set of sessions in the background and shows the numbers.

    Parameters
    ----------
    workbench : Workbench
        Whose queue is counted, or else the folder of its video.
    parent : QWidget, optional
        Owner.

    Attributes
    ----------
    statistics : Statistics or None
        What is shown.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = self._controller = workbench.controller
        self.statistics: Statistics | None = None
        self._sources: list[Path] = []
        self._jobs = JobRunner()  # outlives the widgets, to be ended when they are gone
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
        self.frame_bar = ShareBar(FRAME_COLORS)
        self.time, self.change, self.agreement, self.problems = (_text() for _ in range(4))
        self.classes = NumberTable(_CLASSES)
        self.pairs = NumberTable(_AGREEMENT)

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
        """What is counted: what was chosen, or the open video's folder."""
        video = self._controller.video
        return self._sources or ([] if video is None else [video.parent])

    def show_source(self, source: Path) -> None:
        """Count the videos of a folder or list, and nothing else.

        Parameters
        ----------
        source : Path
            The folder or list file.
        """
        self._sources = [Path(source)]
        self.statistics = None
        if self.isVisible():
            self.start()
        self._refresh()

    def add_source(self, source: Path) -> None:
        """Count the videos of another folder, too."""
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
                session.save()
            found = find_sources(sources)
            return collect(found.sessions, unsegmented=found.unsegmented, task=task)

        self._jobs.start(run, self._on_counted, self._on_failed)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Count whenever the page is looked at; the numbers before are shown meanwhile."""
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
        """Write the numbers that are shown into a JSON file."""
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
        allow(self.add, _ADD, "Wait until everything is counted." if busy else None)
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
                    number(one.change.mean_iou),
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
    return [one.video, str(one.frames), objects, number(one.object_iou), share]


def number(value: float | None) -> str:
    """Give a number from 0 to 1 as text; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def _breakable(path: Path) -> str:
    """Give a path that a label may break after each separator."""
    return str(path).replace(os.sep, f"{os.sep}\N{ZERO WIDTH SPACE}")


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
