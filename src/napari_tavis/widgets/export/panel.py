"""The *Export* page: what is to be written, what that will be, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices, QHideEvent, QImage, QPixmap, QShowEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.annotation import ExportNote
from napari_tavis.datasets.avsbench import Violation
from napari_tavis.exchange.exporting import FORMATS
from napari_tavis.exchange.format import ExportPlan
from napari_tavis.exchange.selection import unchecked_text
from napari_tavis.widgets.enabling import CommandButtons, allow
from napari_tavis.widgets.export.exporter import PICTURES, Preview, Report
from napari_tavis.widgets.export.form import ExportForm
from napari_tavis.widgets.export.import_dialog import ImportDialog
from napari_tavis.widgets.export.mapping_dialog import MappingDialog
from napari_tavis.widgets.workbench import Workbench

_SHOWN = 8  # violations that are listed; the rest is counted
_HERE = "Start at the second of the frame shown."
_EXISTING = {
    "": "New in the dataset.",
    "own": "Replaces what was exported of this video before, and nothing else.",
    "other": "⚠ The dataset has a clip of this name from elsewhere: choose another name.",
}
_REFUSED = "accept or correct what is proposed there, or tick 'include what nobody checked'."
_REPLACED = "⚠ Replaces a clip of this name that comes from elsewhere."


class ExportPanel(QWidget):
    """Shows what the workbench's exporter does, and passes on what the user chooses."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._exporter = workbench, workbench.exporter
        self._buttons = CommandButtons(workbench)
        self.form = ExportForm()
        self.preview = PreviewView()
        self.report = ReportView()
        self.export = QPushButton("Export")
        self.import_dataset = QPushButton("Import a dataset …")
        self.improve = QPushButton("Improve the model …")
        self._arrange()
        self._connect()
        self._exporter.choose(self.form.read())

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
        exporter = self._exporter
        self.form.changed.connect(lambda: exporter.choose(self.form.read()))
        self.form.here_asked.connect(lambda: self.form.start.setValue(exporter.second_shown))
        self.form.classes_asked.connect(self._change_mapping)
        self._buttons.bind(self.export, "export_video")
        self._buttons.bind(self.report.again, "export_again")
        self._buttons.bind(self.report.check, "check_dataset")
        self._buttons.bind(self.import_dataset, "import_dataset")
        self._buttons.bind(self.improve, "improve_model")
        exporter.previewed.connect(self._show_preview)
        exporter.reported.connect(self._show_report)
        exporter.classes_asked.connect(self._ask_classes)
        exporter.changed.connect(self._show_classes)
        self._workbench.display.follow(lambda shown: shown.exports, self._show_exports)
        self._workbench.controller.asked.connect(self._on_asked)

    # -- what the user does ----------------------------------------------------------------

    def _on_asked(self, what: str) -> None:
        if what == "import_dataset":
            dialog = ImportDialog(self)
            if dialog.exec():
                self._exporter.import_dataset(dialog.asked)

    def _change_mapping(self) -> None:
        mapping = self._exporter.whole_mapping
        dialog = MappingDialog((*self._exporter.unmapped, *mapping), mapping, self)
        if dialog.exec():
            self._exporter.map_classes(dialog.mapping)

    def _ask_classes(self, class_names: tuple[str, ...]) -> None:
        """Ask what becomes of classes that AVSBench lacks, before anything is written."""
        dialog = MappingDialog(class_names, self._exporter.mapping, self)
        self._exporter.answer(dialog.mapping if dialog.exec() else None)

    # -- what is shown ---------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Have previews made while the page is in sight."""
        super().showEvent(event)
        self._exporter.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Have no more previews made."""
        super().hideEvent(event)
        self._exporter.watch(False)

    def _show_classes(self) -> None:
        self.form.show_classes(self._exporter.whole_mapping, self._exporter.unmapped)

    def _show_exports(self, exports: tuple[ExportNote, ...] | None) -> None:
        nothing = "Open a video and annotate it first." if exports is None else None
        allow(self.form.here, _HERE, nothing)
        self.report.show_earlier(exports or ())

    def _show_preview(self, preview: Preview | str) -> None:
        if isinstance(preview, str):
            self.preview.say(preview)
        else:
            self.preview.show_plan(preview.plan, preview.pictures)

    def _show_report(self, report: Report) -> None:
        self.report.show_result(report)
        # Later: the page has to grow first.
        QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.report.check))


class PreviewView(QWidget):
    """Shows an `ExportPlan`, or why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = _wrapped_label()
        self.note = _wrapped_label()
        self.objects = _wrapped_label()
        self.files = _wrapped_label()
        self._pictures = [QLabel() for _ in range(PICTURES)]
        strip = QHBoxLayout()
        strip.setSpacing(3)
        for picture in self._pictures:
            picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            picture.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            picture.setToolTip("A frame as it is written; without a label where there is none.")
            strip.addWidget(picture, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(self.heading)
        layout.addLayout(strip)
        for label in (self.objects, self.note, self.files):
            layout.addWidget(label)

    def say(self, sentence: str) -> None:
        """Show a sentence instead of a preview."""
        self.heading.setText(_plain(sentence))
        for label in (self.note, self.objects, self.files):
            label.clear()
        self._show_pictures(())

    def show_plan(self, plan: ExportPlan, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Show what will be written, with some of its frames, (h, w, 3)."""
        request, choices = plan.request, FORMATS[plan.request.key].choices
        first, last = plan.seconds
        count = len(plan.frames)
        kind = "" if "start" in choices else "annotated "
        frames = f"{count} {kind}frame{'' if count == 1 else 's'}"
        if plan.labels < count:
            frames += f", {plan.labels} labelled"
        place = f" · {request.subset}" if "subset" in choices else ""
        place += f" · {request.split}" if "split" in choices else ""
        stretch = f"{first:g} to {round(last, 1):g} s"
        self.heading.setText(f"<b>{_plain(plan.name)}</b>{place} · {stretch} · {frames}")
        replaced = plan.existing == "other" and request.overwrite
        notes = [_REPLACED if replaced else _EXISTING[plan.existing]]
        if plan.unchecked and not request.include_proposals:
            text = unchecked_text(len(plan.unchecked), len(plan.labelled))
            notes.insert(0, f"⚠ {text}: {_REFUSED}")
        notes += [f"⚠ {note}" for note in plan.notes]
        self.note.setText("<br>".join(_plain(note) for note in notes))
        self.objects.setText("<br>".join(_object_lines(plan)) or "No object.")
        self.files.setText(
            "<small>" + "<br>".join(_plain(line) for line in plan.files) + "</small>"
        )
        self.files.setToolTip(f"Written to {plan.place}")
        self._show_pictures(pictures)

    def _show_pictures(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        width = max(40, (self.width() - 3 * (PICTURES - 1)) // PICTURES)
        for place, label in enumerate(self._pictures):
            label.setVisible(place < len(pictures))
            if place >= len(pictures):
                label.clear()
                continue
            pixmap = _pixmap(pictures[place]).scaledToWidth(
                width, Qt.TransformationMode.SmoothTransformation
            )
            label.setPixmap(pixmap)
            label.setFixedHeight(pixmap.height())


class ReportView(QWidget):
    """The last report, with its violations, and the earlier exports of this video."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self.result = _wrapped_label()
        self.folder = QPushButton("Show folder")
        self.folder.setToolTip("Open the folder in the file manager.")
        self.check = QPushButton("Check all")
        self.earlier = _wrapped_label()
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
        for widget in (self.result, self.folder, self.check):
            widget.setVisible(False)
        self.show_earlier(())

    def show_result(self, report: Report) -> None:
        """Show how it went; of many violations the first ones."""
        folder, violations = report.folder, report.violations
        lines = [f"{'⚠' if violations else '✓'} {_plain(report.text)}"]
        lines += [f"<small>⚠ {_plain(note)}</small>" for note in report.notes]
        for found in violations[:_SHOWN]:
            lines.append(f"<small>• {_plain(_short(found, folder))}</small>")
        if len(violations) > _SHOWN:
            lines.append(f"<small>… and {len(violations) - _SHOWN} more</small>")
        self._folder = folder
        self.result.setText("<br>".join(lines))
        self.result.setToolTip("\n".join(str(found) for found in violations[:40]))
        for widget in (self.result, self.folder, self.check):
            widget.setVisible(True)

    def show_earlier(self, notes: Sequence[ExportNote]) -> None:
        """Show what was exported before, and what has changed since."""
        changed = sum(note.stale for note in notes)
        lines = [
            f"{'●' if note.stale else '○'} {_plain(note.format)} · {_plain(note.name)}"
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

    def _open_folder(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))


def _heading(text: str) -> QLabel:
    label = QLabel(f"<b>{text}</b>")
    label.setStyleSheet("margin-top: 4px;")
    return label


def _plain(text: str) -> str:
    """Let a text stand in markup as it is."""
    return escape(text, quote=False)


def _wrapped_label() -> QLabel:
    """Make a label of any number of lines that takes the width it gets."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _object_lines(plan: ExportPlan) -> list[str]:
    lines = []
    for planned in plan.objects:
        item = planned.item
        square = "<span style='color: rgb({}, {}, {})'>■</span>".format(*planned.color)
        name = _plain(item.class_name)
        if planned.exported_as is None:
            lines.append(f"{square} <s>{name}</s> {_plain(planned.reason)}")
        elif planned.exported_as != item.class_name:
            lines.append(f"{square} {name} → <b>{_plain(planned.exported_as)}</b>")
        else:
            lines.append(f"{square} {name}")
    return lines


def _pixmap(picture: npt.NDArray[np.uint8]) -> QPixmap:
    data = np.ascontiguousarray(picture)
    height, width, _ = data.shape
    image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image.copy())


def _short(found: Violation, root: Path | None) -> str:
    """Say a violation with its path as it is within the dataset."""
    if root is not None and found.path.is_relative_to(root):
        return f"{found.path.relative_to(root)}: {found.message}"
    return str(found)
