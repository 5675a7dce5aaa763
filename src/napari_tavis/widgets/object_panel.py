"""The object list with what can be done to an object: the middle of the page *Annotate*."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.annotation.objects import ObjectState, SessionObject
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.widgets.class_editor import complete_from
from napari_tavis.widgets.commands import COMMANDS
from napari_tavis.widgets.enabling import CommandButtons, allow, command_tip
from napari_tavis.widgets.object_table import SHOWN, ObjectTable
from napari_tavis.widgets.threshold_slider import ThresholdSlider
from napari_tavis.widgets.workbench import Workbench

_FILTERS: dict[str, Callable[[SessionObject], bool]] = {
    "Objects": lambda item: item.takes_part,
    "Rejected": lambda item: item.state is ObjectState.REJECTED,
    "Background": lambda item: item.kind == "background" and item.state is ObjectState.ACTIVE,
    "All": lambda item: True,
}
_FILTER_TIP = (
    "Which objects are listed. Rejected ones and the queries that the model called background "
    "stay in reach here, and can be restored."
)
_MORE = "Rename, merge, split, delete."


class ObjectPanel(QWidget):
    """Lists the objects, and accepts, rejects, renames, merges, splits and deletes them.

    Parameters
    ----------
    workbench : Workbench
        The session and its layers, and what is done to them.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._controller = workbench, workbench.controller
        self._buttons = CommandButtons(workbench)
        self.filter = QComboBox()
        self.filter.addItems(list(_FILTERS))
        self.filter.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.filter.setMinimumContentsLength(9)
        self.filter.setToolTip(_FILTER_TIP)
        self.new_class = QLineEdit()
        self.new_class.setPlaceholderText("new object's class")
        self.new_class.setToolTip("The class of the object to add, such as: dog. Then press Enter.")
        self.add = QPushButton("Add")
        self.table = ObjectTable(self.vocabulary)
        self.accept_frame = QPushButton("Accept frame")
        self.accept_object = QPushButton("Accept all")
        self.reject = QPushButton("Reject")
        self.more = QPushButton("More")
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.more.setMenu(self.menu)
        self.threshold = ThresholdSlider(workbench)
        self._arrange()
        self._connect()
        self.refresh()

    def vocabulary(self) -> list[str]:
        """Give the class names to complete from: the session's first, then AVSBench's."""
        session = self._controller.session
        own = [] if session is None else list(session.vocabulary)
        return list(dict.fromkeys((*own, *AVSBENCH_CLASSES[1:])))

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        top = QHBoxLayout()
        for widget, stretch in ((self.filter, 2), (self.new_class, 3), (self.add, 1)):
            top.addWidget(widget, stretch=stretch)
        buttons = QHBoxLayout()
        for button in (self.accept_frame, self.accept_object, self.reject, self.more):
            buttons.addWidget(button)
        top.setSpacing(4)
        buttons.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(buttons)
        layout.addWidget(self.threshold)
        for button in (self.add, self.accept_frame, self.accept_object, self.reject, self.more):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys stay with the picture
        self.filter.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _connect(self) -> None:
        controller = self._controller
        self.filter.currentIndexChanged.connect(self._refresh_list)
        self.new_class.returnPressed.connect(self._on_add)
        self.add.clicked.connect(self._on_add)
        self._buttons.bind(self.accept_frame, "accept_frame")
        self._buttons.bind(self.accept_object, "accept_object")
        self._buttons.bind(self.reject, self._rejects_or_restores)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.chosen.connect(controller.choose)
        self.table.renamed.connect(self._on_renamed)
        self.table.shown.connect(self._workbench.objects.show)
        controller.changed.connect(self.refresh)
        controller.edited.connect(self._on_edited)
        controller.chosen_changed.connect(self._on_chosen)
        controller.asked.connect(self._on_asked)
        controller.layers.visibility_changed.connect(self._on_visibility)

    # -- what the user does ----------------------------------------------------------------

    def _on_add(self) -> None:
        name = self.new_class.text().strip()
        if not name:
            self.new_class.setFocus()
            return
        self._workbench.objects.add(name)
        self.new_class.clear()
        self.new_class.clearFocus()

    def _rejects_or_restores(self) -> str:
        item = self._workbench.objects.chosen
        return "reject" if item is None or item.takes_part else "restore"

    def _on_renamed(self, object_id: int, class_name: str) -> None:
        self._workbench.objects.rename(object_id, class_name)
        self._on_edited(object_id)  # a refused name is taken back

    def _on_asked(self, what: str) -> None:
        chosen = self._controller.chosen
        if what == "add_object" and self.new_class.isEnabled():
            self.new_class.setFocus()
        elif what == "rename" and chosen is not None and self._controller.obstacle is None:
            self.table.edit_class(chosen)
        elif what == "merge" and chosen is not None:
            self._merge_menu(QMenu(self)).popup(self.table.mapToGlobal(QPoint(40, 40)))

    def _on_context_menu(self, place: QPoint) -> None:
        cell = self.table.itemAt(place)
        if cell is not None and cell.column() != SHOWN:
            self.menu.popup(self.table.viewport().mapToGlobal(place))

    # -- what is shown ---------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the objects, and what can be done."""
        complete_from(self.new_class, self.vocabulary())
        items = self._items()
        for index, (title, belongs) in enumerate(_FILTERS.items()):
            count = sum(belongs(item) for item in items)
            self.filter.setItemText(index, f"{title} ({count})")
        self._refresh_list()

    def _items(self) -> list[SessionObject]:
        session = self._controller.session
        return [] if session is None else session.objects

    def _refresh_list(self, index: int = 0) -> None:
        belongs = list(_FILTERS.values())[max(self.filter.currentIndex(), 0)]
        listed = [item for item in self._items() if belongs(item)]
        self.table.fill(listed, self._controller.layers.is_visible)
        self._on_chosen(self._controller.chosen)

    def _on_edited(self, object_id: int) -> None:
        known = next((one for one in self._items() if one.object_id == object_id), None)
        if known is not None:
            self.table.update_object(known, self._controller.layers.is_visible(object_id))
        self._refresh_controls()

    def _on_visibility(self, object_id: int) -> None:
        self._on_edited(object_id)

    def _on_chosen(self, object_id: int | None) -> None:
        self.table.choose(object_id)
        self._refresh_controls()

    def _refresh_controls(self) -> None:
        """Enable what can be done now; what cannot be says why."""
        self.reject.setText(self._rejects_or_restores().capitalize())
        allow(self.more, _MORE, COMMANDS["delete"].why_not(self._workbench))
        adding = COMMANDS["add_object"]
        allow(self.add, command_tip(adding), adding.why_not(self._workbench))
        self.new_class.setEnabled(adding.why_not(self._workbench) is None)
        self.threshold.refresh()

    def _fill_menu(self) -> None:
        """Offer what can be done to the chosen object."""
        self.menu.clear()
        controller = self._controller
        item = self._workbench.objects.chosen
        if item is None or controller.obstacle is not None:
            return
        if not item.takes_part:
            self._offer("restore")
        if item.kind == "object":
            self._offer("rename")
            self._merge_menu(self.menu.addMenu(COMMANDS["merge"].title))
            self._offer("split")
        if item.takes_part and item.kind != "scene":
            self._offer("reject")
        self.menu.addSeparator()
        self._offer("delete")

    def _offer(self, name: str) -> None:
        command = COMMANDS[name]
        entry = self.menu.addAction(command.title, lambda: command.run(self._workbench))
        entry.setToolTip(command_tip(command))

    def _merge_menu(self, menu: QMenu) -> QMenu:
        """Offer the objects that the chosen one can be merged with."""
        chosen = self._controller.chosen
        for other in self._items():
            if other.object_id != chosen and other.kind == "object" and other.takes_part:
                text = f"{other.class_name} (score {other.score:.2f})"
                menu.addAction(text, self._merging(other.object_id))
        if menu.isEmpty():
            menu.addAction("There is no other object.").setEnabled(False)
        return menu

    def _merging(self, other_id: int) -> Callable[[], None]:
        return lambda: self._workbench.objects.merge(other_id)
