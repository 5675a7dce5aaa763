"""The dialog *Models*: its pages, and below them where models are kept and what is being done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from qtpy.QtCore import QEvent
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.home import HOME_VARIABLE, home_origin
from napari_tavis.weights.files import free_space, in_words
from napari_tavis.weights.licences import LICENCES, Licence, licences_of
from napari_tavis.weights.sources import Source
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.jobs import TimeLeft, describe_progress
from napari_tavis.widgets.models.consent import with_consent
from napari_tavis.widgets.models.improve_page import ImprovePage
from napari_tavis.widgets.models.install_pages import (
    FILE_FILTER,
    DownloadPage,
    ImportPage,
    ImportRequest,
)
from napari_tavis.widgets.models.installed_page import InstalledPage
from napari_tavis.widgets.models.model_controller import ModelController
from napari_tavis.widgets.workbench import Workbench

_SIZE = (560, 560)
_MOVE = "Keep models in another folder from now on. Those already installed stay where they are."
_RESET = "Keep models in the system's usual place again."
_VARIABLE = f"The place is set by the environment variable {HOME_VARIABLE}."
_CANCEL = "Stop. The part already downloaded is kept, and the next try goes on from there."


class ModelsDialog(QDialog):
    """Shows the models that are installed and available; installs, improves and removes them.

    It can be closed at any time: what it started goes on.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        models = self._models = workbench.models
        self.setWindowTitle("Models")
        self.setAcceptDrops(True)
        self.installed = InstalledPage(models)
        self.download = DownloadPage(models)
        self.importing = ImportPage(models)
        self.improving = ImprovePage(workbench)
        self.place = PlaceRow(models)
        self.progress = ProgressRow(models)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.installed, "Installed")
        self.tabs.addTab(self.download, "Download")
        self.tabs.addTab(self.importing, "Import")
        self.tabs.addTab(self.improving, "Improve")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.tabs, self.place, self.progress, buttons):
            layout.addWidget(widget, stretch=int(widget is self.tabs))
        self.resize(*_SIZE)
        self.download.download_asked.connect(self._on_download)
        self.download.import_asked.connect(self._on_file_wanted)
        self.importing.import_asked.connect(self._on_import)
        models.changed.connect(self.refresh)
        models.installed.connect(self._on_installed)
        self.refresh()
        if not models.store.cards():
            self.tabs.setCurrentWidget(self.download)

    def refresh(self) -> None:
        """Show what is there and what can be done now."""
        for part in (self.installed, self.download, self.importing, self.improving, self.place):
            part.refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Refresh when the user comes back: the command line may have installed models."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Fill dropped files in on the page *Import*."""
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.show_import(files)

    def show_import(self, files: list[Path], name: str = "") -> None:
        """Show the page *Import* with files filled in."""
        self.importing.take(files, name)
        self.tabs.setCurrentWidget(self.importing)

    def show_improve(self) -> None:
        """Show the page *Improve*."""
        self.improving.refresh()
        self.tabs.setCurrentWidget(self.improving)

    def _on_installed(self, name: str) -> None:
        if name == self.importing.name.text():
            self.importing.take([])
        self.installed.refresh()
        self.installed.list.select(name)

    def _on_download(self, source: Source) -> None:
        options = self.download.options.read()
        self._with_consent(licences_of(source.kind), lambda: self._models.download(source, options))

    def _on_file_wanted(self, source: Source) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, f"Import {source.name}", "", FILE_FILTER)
        if chosen:
            self.show_import([Path(chosen)], source.name)

    def _on_import(self, request: ImportRequest) -> None:
        self._with_consent(
            LICENCES.values(),  # which of them apply is known only once the files are read
            lambda: self._models.import_files(
                request.files, request.name, request.options, request.replace
            ),
        )

    def _with_consent(self, licences: Iterable[Licence], begin: Callable[[], None]) -> None:
        with_consent(licences, self._models.store.home, begin, self)


class PlaceRow(QWidget):
    """Shows where models are kept and how much space is free there; changes the place."""

    def __init__(self, models: ModelController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self.where = QLabel()
        self.where.setWordWrap(True)
        self.move_button, self.reset = QPushButton("Move …"), QPushButton("Reset")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.where, stretch=1)
        for button in (self.move_button, self.reset):
            button.setAutoDefault(False)
            layout.addWidget(button)
        self.move_button.clicked.connect(self._choose)
        self.reset.clicked.connect(lambda: models.move(None))
        self.refresh()

    def refresh(self) -> None:
        store, origin = self._models.store, home_origin()
        free = free_space(store.models)
        room = "" if free is None else f" ({in_words(free)} free)"
        # Zero-width spaces let a long path wrap after its separators.
        path = str(store.models).replace("/", "/\u200b").replace("\\", "\\\u200b")
        self.where.setText(f"Models are kept in {path}{room}")
        self.where.setToolTip(str(store.models))
        fixed = _VARIABLE if origin == "variable" else None
        usual = "They are kept there already." if origin == "system" else None
        allow(self.move_button, _MOVE, fixed or self._models.obstacle)
        allow(self.reset, _RESET, fixed or usual or self._models.obstacle)
        self.reset.setVisible(origin == "setting")

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Keep models in", str(self._models.store.home)
        )
        if chosen:
            self._models.move(Path(chosen))


class ProgressRow(QWidget):
    """Shows the progress of the running job, and then its outcome."""

    def __init__(self, models: ModelController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._time_left = TimeLeft()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        line = QHBoxLayout()
        line.addWidget(self.message, stretch=1)
        line.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addLayout(line)
        self.cancel.clicked.connect(self._on_cancel)
        models.jobs.progressed.connect(self._on_progress)
        models.jobs.busy_changed.connect(self._on_busy)
        models.said.connect(self.message.setText)
        self._on_busy(models.jobs.busy)

    def _on_busy(self, busy: bool) -> None:
        self._time_left = TimeLeft()
        self.bar.setRange(0, 0)
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        allow(self.cancel, _CANCEL, None if busy else "Nothing is running now.")
        self.message.setText("Starting …" if busy else "")  # the outcome is shown right after

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, max(total, 0))
        self.bar.setValue(done)
        left = self._time_left.update(done, total, what)
        self.message.setText(describe_progress(done, total, what, left))

    def _on_cancel(self) -> None:
        self._models.jobs.cancel()
        self.message.setText("Cancelling …")
