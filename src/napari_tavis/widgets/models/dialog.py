"""The dialog *Models*."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from qtpy.QtCore import QEvent
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.weights.licences import LICENCES, Licence, licences_of
from napari_tavis.weights.sources import Source
from napari_tavis.widgets.models.consent import with_consent
from napari_tavis.widgets.models.download_page import DownloadPage
from napari_tavis.widgets.models.import_page import FILE_FILTER, ImportPage, ImportRequest
from napari_tavis.widgets.models.improve_page import ImprovePage
from napari_tavis.widgets.models.installed_page import InstalledPage
from napari_tavis.widgets.models.place_row import PlaceRow
from napari_tavis.widgets.models.progress_row import ProgressRow
from napari_tavis.widgets.workbench import Workbench

_SIZE = (560, 560)


class ModelsDialog(QDialog):
    """Shows the installed models and what can be had; installs, improves and removes them.

    It may be closed at any time; what it began goes on.

    Parameters
    ----------
    workbench : Workbench
        Its `models` do what is asked for.
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        work = self._work = workbench.models
        self.setWindowTitle("Models")
        self.setAcceptDrops(True)
        self.installed = InstalledPage(work)
        self.download = DownloadPage(work)
        self.importing = ImportPage(work)
        self.improving = ImprovePage(workbench)
        self.place = PlaceRow(work)
        self.progress = ProgressRow(work)
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
        work.changed.connect(self.refresh)
        work.installed.connect(self._on_installed)
        self.refresh()
        if not work.store.cards():
            self.tabs.setCurrentWidget(self.download)

    def refresh(self) -> None:
        """Show what is there and what can be done now."""
        for part in (self.installed, self.download, self.importing, self.improving, self.place):
            part.refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Look again when the user comes back: models can be installed elsewhere, too."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Look at what is there when the dialog is opened again."""
        super().showEvent(event)
        self.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Show dropped files on the page *Import*."""
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
        self._with_consent(licences_of(source.kind), lambda: self._work.download(source, options))

    def _on_file_wanted(self, source: Source) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, f"Import {source.name}", "", FILE_FILTER)
        if chosen:
            self.show_import([Path(chosen)], source.name)

    def _on_import(self, request: ImportRequest) -> None:
        self._with_consent(
            LICENCES.values(),  # what the files hold is not known yet
            lambda: self._work.import_files(
                request.files, request.name, request.options, request.replace
            ),
        )

    def _with_consent(self, licences: Iterable[Licence], begin: Callable[[], None]) -> None:
        with_consent(licences, self._work.store.home, begin, self)
