"""The help panel: every key of the plugin, and those of napari that painting needs."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.widgets.commands import GROUPS
from napari_tavis.widgets.napari_compat import keys_of, keys_of_napari_action

_PAINTING = {
    "napari:activate_labels_paint_mode": "Brush",
    "napari:activate_labels_erase_mode": "Eraser",
    "napari:activate_labels_fill_mode": "Fill",
    "napari:activate_labels_polygon_mode": "Polygon",
    "napari:activate_labels_pan_zoom_mode": "Move the picture",
    "napari:decrease_brush_size": "Smaller brush",
    "napari:increase_brush_size": "Larger brush",
    "napari:toggle_selected_visibility": "Show or hide the object",
    "napari:toggle_unselected_visibility": "Show or hide all other objects",
    "napari:increment_dims_left": "Previous frame",
    "napari:increment_dims_right": "Next frame",
    "napari:reset_view": "Fit the picture into the window",
}
_INTRODUCTION = (
    "Keys work while the pointer is over the picture or the objects, not while you type."
)
_CHANGE = "Change keys …"


class KeyHelp(QDialog):
    """Lists the keys as they are bound now.

    Parameters
    ----------
    change : callable
        Opens napari's preferences.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, change: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["", "key"])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        for title, commands in GROUPS.items():
            self._add_group(title, [(one.title, keys_of(one.id), one.tooltip) for one in commands])
        painting = [(text, keys_of_napari_action(name), "") for name, text in _PAINTING.items()]
        self._add_group("Paint and look (napari's own)", painting)
        introduction = QLabel(_INTRODUCTION)
        introduction.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        changing = buttons.addButton(_CHANGE, QDialogButtonBox.ButtonRole.ActionRole)
        changing.setToolTip(
            "Open napari's preferences: under Shortcuts, the plugin's keys start with “TAViS:”."
        )
        changing.clicked.connect(change)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (introduction, self.tree, buttons):
            layout.addWidget(widget)
        self.resize(440, 620)

    def _add_group(self, title: str, rows: list[tuple[str, list[str], str]]) -> None:
        group = QTreeWidgetItem([title, ""])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        self.tree.addTopLevelItem(group)
        for text, keys, tip in rows:
            row = QTreeWidgetItem([text, " or ".join(keys) or "none"])
            row.setToolTip(0, tip)
            group.addChild(row)
        group.setExpanded(True)
