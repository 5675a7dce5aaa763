"""Shows how an export went, and what was exported before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_tavis.annotation import ExportNote
from napari_tavis.datasets.avsbench import Violation
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.export.text import plain, wrapped_label

_SHOWN = 8
"""Violations that are listed; the rest is counted."""

_CHECK = "Look through every clip of the dataset, not only the one that was written."
_AGAIN = (
    "Write what has changed since it was exported to its place once more, with its settings of "
    "then. Only this video's clips are replaced."
)


class ReportView(QWidget):
    """The last result with its violations, and the earlier exports of this video.

    Attributes
    ----------
    check_asked : Signal
        Emitted when the whole dataset shall be checked.
    again_asked : Signal
        Emitted when all changed exports shall be written again.
    """

    check_asked = Signal()
    again_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self.result = wrapped_label()
        self.folder = QPushButton("Show folder")
        self.folder.setToolTip("Open the folder in the file manager.")
        self.check = QPushButton("Check all")
        self.earlier = wrapped_label()
        self.again = QPushButton("Export again")
        row = QHBoxLayout()
        row.addWidget(self.folder)
        row.addWidget(self.check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(self.result)
        layout.addLayout(row)
        layout.addWidget(self.earlier)
        layout.addWidget(self.again)
        self.folder.clicked.connect(self._open_folder)
        self.check.clicked.connect(self.check_asked)
        self.again.clicked.connect(self.again_asked)
        self.show_result("", None)
        self.show_earlier((), None)

    def show_result(
        self,
        text: str,
        folder: Path | None,
        violations: Sequence[Violation] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """Show a result.

        Parameters
        ----------
        text : str
            A sentence; nothing is shown if empty.
        folder : Path or None
            Of the dataset.
        violations : sequence of Violation
            What is wrong there.
        notes : sequence of str
            What should be known of it, a sentence each.
        """
        self._folder = folder
        lines = [f"{'⚠' if violations else '✓'} {plain(text)}"] if text else []
        lines += [f"<small>⚠ {plain(note)}</small>" for note in notes]
        for found in violations[:_SHOWN]:
            lines.append(f"<small>• {plain(_short(found, folder))}</small>")
        if len(violations) > _SHOWN:
            lines.append(f"<small>… and {len(violations) - _SHOWN} more</small>")
        self.result.setText("<br>".join(lines))
        self.result.setToolTip("\n".join(str(found) for found in violations[:40]))
        for widget in (self.result, self.folder, self.check):
            widget.setVisible(bool(text))

    def show_earlier(self, notes: Sequence[ExportNote], busy: str | None) -> None:
        """Show what was exported before, and offer to do it again where it has changed.

        Parameters
        ----------
        notes : sequence of ExportNote
            The session's.
        busy : str or None
            Why nothing can be exported now.
        """
        changed = sum(note.stale for note in notes)
        lines = [
            f"{'●' if note.stale else '○'} {plain(note.format)} · {plain(note.name)}"
            f"{' · changed since' if note.stale else ''}"
            for note in reversed(notes)
        ]
        self.earlier.setText(
            "<b>Exported before</b><br><small>" + "<br>".join(lines) + "</small>" if lines else ""
        )
        self.earlier.setToolTip("\n".join(f"{note.name}: {note.root}" for note in notes))
        self.earlier.setVisible(bool(lines))
        self.again.setVisible(bool(lines))
        self.again.setText(f"Export again ({changed})" if changed else "Export again")
        unchanged = None if changed else "Nothing has changed since."
        allow(self.again, _AGAIN, busy or unchanged)

    def allow_check(self, reason: str | None) -> None:
        """Let the whole dataset be checked, or say why not."""
        allow(self.check, _CHECK, reason)

    def _open_folder(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))


def _short(found: Violation, root: Path | None) -> str:
    """Say a violation with its path as it is within the dataset."""
    if root is not None and found.path.is_relative_to(root):
        return f"{found.path.relative_to(root)}: {found.message}"
    return str(found)
