"""Shows what an export will write: pictures, objects with their classes, files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_tavis.exchange.exporting import FORMATS
from napari_tavis.exchange.format import ExportPlan
from napari_tavis.exchange.selection import unchecked_text
from napari_tavis.widgets.export.text import plain, wrapped_label

PICTURES = 5
"""Frames that are shown, at most."""

_THERE = {
    "": "New in the dataset.",
    "own": "Replaces what was exported of this video before, and nothing else.",
    "other": "⚠ The dataset has a clip of this name from elsewhere: choose another name.",
}
_REFUSED = "accept or correct what is proposed there, or tick 'include what nobody checked'."
_REPLACED = "⚠ Replaces a clip of this name that comes from elsewhere."


class PreviewView(QWidget):
    """Shows an `ExportPlan`, or why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = wrapped_label()
        self.note = wrapped_label()
        self.objects = wrapped_label()
        self.files = wrapped_label()
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
        self.heading.setText(plain(sentence))
        for label in (self.note, self.objects, self.files):
            label.clear()
        self._show_pictures(())

    def show_plan(self, plan: ExportPlan, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Show what will be written.

        Parameters
        ----------
        plan : ExportPlan
            What that is.
        pictures : sequence of ndarray of uint8, shape (h, w, 3)
            Some of its frames.
        """
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
        self.heading.setText(f"<b>{plain(plan.name)}</b>{place} · {stretch} · {frames}")
        replaced = plan.existing == "other" and request.overwrite
        notes = [_REPLACED if replaced else _THERE[plan.existing]]
        if plan.unchecked and not request.include_proposals:
            text = unchecked_text(len(plan.unchecked), len(plan.labelled))
            notes.insert(0, f"⚠ {text}: {_REFUSED}")
        notes += [f"⚠ {note}" for note in plan.notes]
        self.note.setText("<br>".join(plain(note) for note in notes))
        self.objects.setText("<br>".join(_object_lines(plan)) or "No object.")
        self.files.setText("<small>" + "<br>".join(plain(line) for line in plan.files) + "</small>")
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


def _object_lines(plan: ExportPlan) -> list[str]:
    lines = []
    for planned in plan.objects:
        item = planned.item
        square = "<span style='color: rgb({}, {}, {})'>■</span>".format(*planned.color)
        name = plain(item.class_name)
        if planned.exported_as is None:
            lines.append(f"{square} <s>{name}</s> {plain(planned.reason)}")
        elif planned.exported_as != item.class_name:
            lines.append(f"{square} {name} → <b>{plain(planned.exported_as)}</b>")
        else:
            lines.append(f"{square} {name}")
    return lines


def _pixmap(picture: npt.NDArray[np.uint8]) -> QPixmap:
    data = np.ascontiguousarray(picture)
    height, width, _ = data.shape
    image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image.copy())
