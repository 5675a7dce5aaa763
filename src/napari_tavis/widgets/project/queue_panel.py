"""The page "Queue": the videos to work through, how far each has come, and what is next."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_tavis.project.states import QueueState
from napari_tavis.widgets.commands import being_listed, no_queue
from napari_tavis.widgets.enabling import CommandButtons, allow
from napari_tavis.widgets.jobs import TimeLeft, describe_progress
from napari_tavis.widgets.project.queue_table import QueueModel, QueueTable
from napari_tavis.widgets.project.share_bar import STATE_COLORS, ShareBar
from napari_tavis.widgets.workbench import Workbench

_FOLDER = "Work through the videos of a folder. Your progress is saved in that folder."
_LIST = "Work through the videos listed in a text file, one path per line."
_RECURSIVE = "Include the videos in subfolders."
_MARK = "Mark the selected video as done, without opening another one."
_REOPEN = "Mark the selected video as not done."
_SKIP = "Let Next skip videos that are done or exported."
_AHEAD = (
    "How many of the next videos are segmented in the background while you work, with the model "
    "and the options chosen in the dock. It pauses while other work is running."
)
_AHEAD_CHOICES = {"off": 0, "next": 1, "next 3": 3, "next 10": 10, "all": 1_000_000}
_LONGEST_NAME = 32  # letters of a video's name within a sentence
_WELCOME = (
    "Choose a folder of videos to work through them one by one. The next one is segmented in the "
    "background while you work."
)


class QueuePanel(QWidget):
    """Shows a queue of videos and opens them."""

    source_changed = Signal(object)  # the folder or list (Path), when another one was opened

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._controller = workbench, workbench.controller
        self.work = workbench.queue
        # Not refreshed at each frame: in a queue of thousands, finding the next video takes time.
        told_by = (workbench.queue.changed, workbench.controller.changed)
        self._buttons = CommandButtons(workbench, told_by)
        self._time_left = TimeLeft()
        self._make_widgets()
        self._arrange()
        self._connect()
        self._refresh()

    # -- building --------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.folder = _button("Folder …", _FOLDER)
        self.list_file = _button("List …", _LIST)
        self.reload = _button("⟳")
        self.reload.setFixedWidth(34)
        self.recursive = QCheckBox("subfolders")
        self.place = QElidingLabel(elideMode=Qt.TextElideMode.ElideMiddle)
        self.welcome = QLabel(_WELCOME)
        self.welcome.setWordWrap(True)
        self.shares = ShareBar({str(state): color for state, color in STATE_COLORS.items()})
        self.model = QueueModel(self._name, self)
        self.table = QueueTable(self.model)
        self.previous = _button("◀ Previous")
        self.next = _button("Next ▶")
        self.done = _button("✓ Done, next ▶")
        self.mark = _button("Mark done", _MARK)
        self.skip = QCheckBox("skip done")
        self.skip.setToolTip(_SKIP)
        self.ahead = QComboBox()
        for text, count in _AHEAD_CHOICES.items():
            self.ahead.addItem(text, count)
        self.ahead.setToolTip(_AHEAD)
        self.ahead.setCurrentIndex(1)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        top = _row(self.folder, self.list_file)
        top.addWidget(self.recursive)
        top.addWidget(self.reload)
        layout.addLayout(top)
        layout.addWidget(self.welcome)
        layout.addWidget(self.place)
        layout.addWidget(self.shares)
        layout.addWidget(self.table, 1)
        buttons = QGridLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.previous, 0, 0)
        buttons.addWidget(self.next, 0, 1)
        buttons.addWidget(self.mark, 1, 0)
        buttons.addWidget(self.done, 1, 1)
        layout.addLayout(buttons)
        options = QHBoxLayout()
        options.setSpacing(4)
        caption = QLabel("segment ahead")
        caption.setToolTip(_AHEAD)
        options.addWidget(self.skip)
        options.addStretch(1)
        options.addWidget(caption)
        options.addWidget(self.ahead)
        layout.addLayout(options)
        layout.addWidget(self.message)

    def _connect(self) -> None:
        work = self.work
        self.folder.clicked.connect(self._choose_folder)
        self.list_file.clicked.connect(self._choose_list)
        self._buttons.bind(self.reload, "reload_queue")
        self.recursive.clicked.connect(self._on_recursive)
        self._buttons.bind(self.previous, "previous_video")
        self._buttons.bind(self.next, "next_video")
        self._buttons.bind(self.done, "video_done")
        self.mark.clicked.connect(self._on_mark)
        self.skip.clicked.connect(work.set_skip_finished)
        self.ahead.activated.connect(lambda _: work.set_ahead(self.ahead.currentData()))
        self.table.asked_for.connect(work.go_to)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._refresh_buttons())
        work.changed.connect(self._refresh)
        work.source_changed.connect(self.source_changed)
        work.segmenter.changed.connect(self._show_segmenting)
        work.segmenter.progressed.connect(self._on_progress)
        work.jobs.progressed.connect(self._on_listing)
        self._controller.opened.connect(self._on_opened)

    # -- what the user does ----------------------------------------------------------------

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "A folder of videos", self._start())
        if chosen:
            self.work.open(Path(chosen))

    def _choose_list(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self,
            "A list of videos, one path per line",
            self._start(),
            "Lists (*.txt *.lst);;All files (*)",
        )
        if chosen:
            self.work.open(Path(chosen))

    def _start(self) -> str:
        """Give the folder that a file dialog starts in."""
        queue, video = self.work.queue, self._controller.video
        if queue is not None:
            return str(queue.file.parent)
        return "" if video is None else str(video.parent)

    def _on_recursive(self, recursive: bool) -> None:
        if self.work.queue is not None:
            self.work.open(self.work.queue.source, recursive)

    def _on_mark(self) -> None:
        item = self.table.selected
        if item is not None:
            self.work.mark_done(not item.state.finished, item.path)

    # -- what is shown ---------------------------------------------------------------------

    def _name(self, path: Path) -> str:
        return path.name if self.work.queue is None else self.work.queue.place(path)

    def _refresh(self) -> None:
        queue = self.work.queue
        self.welcome.setVisible(queue is None)
        self.place.setVisible(queue is not None)
        self.shares.setVisible(queue is not None)
        if queue is not None:
            self.place.setText(str(queue.source))
            self.place.setToolTip(str(queue.source))
            self.recursive.setChecked(queue.recursive)
            self.skip.setChecked(queue.skip_finished)
            self.ahead.setCurrentIndex(_choice(queue.ahead))
            self.shares.show_counts({str(state): n for state, n in queue.counts.items()})
        first = not self.model.rowCount()
        self.model.show(
            [] if queue is None else queue.videos, self._controller.video, self.work.segmenter.video
        )
        if first:
            self.table.select(self.work.current)
        self._refresh_buttons()
        if not self.work.jobs.busy:
            self._show_segmenting()

    def _on_opened(self, *opened: object) -> None:
        self.table.select(self._controller.video)

    def _refresh_buttons(self) -> None:
        """Enable what can be done now, and let the rest say why it cannot."""
        queue, work = self.work.queue, self.work
        listing, none = being_listed(self._workbench), no_queue(self._workbench)
        resume = queue is not None and work.current is not None and not work.is_open
        self.next.setText("Continue ▶" if resume else "Next ▶")
        allow(self.folder, _FOLDER, listing)
        allow(self.list_file, _LIST, listing)
        flat = "A list has no subfolders." if queue is not None and queue.source.is_file() else None
        allow(self.recursive, _RECURSIVE, none or flat or listing)
        allow(self.skip, _SKIP, none)
        allow(self.ahead, _AHEAD, none)
        item = self.table.selected
        finished = item is not None and item.state.finished
        self.mark.setText("Not done" if finished else "Mark done")
        allow(self.mark, _REOPEN if finished else _MARK, none or self._cannot_mark())

    def _cannot_mark(self) -> str | None:
        item = self.table.selected
        if item is None:
            return "Select a video first."
        if item.state is QueueState.EXPORTED:
            return "It is exported already, which includes being done."
        if not item.state.workable or item.state is QueueState.NEW:
            return "It is not annotated yet."
        return None

    def _show_segmenting(self) -> None:
        """Tell what is done in the background, or which video comes next."""
        segmenter = self.work.segmenter
        self._time_left = TimeLeft()
        self.model.show_busy(segmenter.video)
        if segmenter.problem:
            self._say(f"Segmenting ahead has stopped: {segmenter.problem}")
        elif segmenter.paused:
            self._say(f"{_name_of(segmenter.video)} waits for the other work to finish.")
        elif segmenter.video is not None:
            self._say(f"Segmenting {_name_of(segmenter.video)} in the background …")
        else:
            coming = self.work.next_item()
            self._say("" if coming is None else f"Next: {_name_of(coming.path)}, {coming.state}.")

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self.work.segmenter.paused:
            return
        left = self._time_left.update(done, total, what)
        self._say(
            f"{_name_of(self.work.segmenter.video)}: {describe_progress(done, total, what, left)}"
        )

    def _on_listing(self, done: int, total: int, what: str) -> None:
        self._say(describe_progress(done, total, what, None))

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)


def _name_of(video: Path | None) -> str:
    """Give a video's name, with the middle cut out of a long one."""
    if video is None:
        return "The next video"
    half = _LONGEST_NAME // 2
    name = video.name
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def _choice(ahead: int) -> int:
    """Give the index of the choice that fits a number of videos best."""
    counts = list(_AHEAD_CHOICES.values())
    return max(at for at, count in enumerate(counts) if count <= ahead)


def _button(text: str, tip: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row.addWidget(widget)
    return row
