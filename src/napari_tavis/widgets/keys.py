"""Gives the commands their keys, and lists them.

The keys are listed in napari's preferences under "Viewer key bindings", and can be changed
there. A key that napari uses itself is never taken: the command then has none until the user
gives it one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from app_model.types import KeyBinding
from napari.components import ViewerModel
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

from napari_tavis.widgets import napari_compat as compat
from napari_tavis.widgets.commands import COMMANDS, GROUPS, Command
from napari_tavis.widgets.workbench import Workbench

_SHARED = {"undo", "redo"}  # they do for all layers what napari's same keys do for one
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

# The open workbenches. napari has one action manager for all viewers, and hands an action its
# viewer only; here the viewer's workbench is found.
_open: weakref.WeakSet[Workbench] = weakref.WeakSet()


def take_keys(workbench: Workbench) -> None:
    """Let a viewer's keys do what the commands say, until its workbench closes."""
    _open.add(workbench)
    taken = compat.keys_of_napari()
    for command in COMMANDS.values():
        compat.register_action(command.id, command.title, _runner(command))
        for key in _wanted_keys(command):
            if command.id in _SHARED or key not in taken:
                compat.bind_action(command.id, key)
    workbench.controller.closing.connect(lambda window_stays: _give_back(workbench))
    workbench.changed.emit()  # tooltips name the keys


def _give_back(workbench: Workbench) -> None:
    """Take the keys away again, if no other viewer has a workbench."""
    _open.discard(workbench)
    if not _open:
        for name in COMMANDS:
            compat.unbind_action(name)


def _wanted_keys(command: Command) -> list[KeyBinding]:
    """Give the keys that the user chose in napari's preferences; else the command's own."""
    chosen = compat.chosen_keys(command.id)
    if chosen is not None:
        return chosen
    return [compat.key(command.key)] if command.key else []


def _runner(command: Command) -> Callable[[ViewerModel], None]:
    def run(viewer: ViewerModel) -> None:
        for workbench in list(_open):
            if workbench.viewer is viewer:
                command.run(workbench)

    return run


class KeyHelp(QDialog):
    """The help panel: every key as it is bound now, and those of napari that painting needs.

    `change` opens napari's preferences.
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
            self._add_group(
                title, [(one.title, compat.keys_of(one.id), one.tooltip) for one in commands]
            )
        painting = [
            (text, compat.keys_of_napari_action(name), "") for name, text in _PAINTING.items()
        ]
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
