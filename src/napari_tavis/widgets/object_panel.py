"""The object list with what can be done to an object: the middle of the page *Annotate*."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.annotation.objects import DEFAULT_THRESHOLD
from napari_tavis.widgets.commands import COMMANDS, Command
from napari_tavis.widgets.enabling import CommandButtons, allow, command_tip
from napari_tavis.widgets.object_table import SHOWN, ObjectTable, complete_from
from napari_tavis.widgets.shown import ObjectRow, Threshold
from napari_tavis.widgets.workbench import Workbench

_FILTERS: dict[str, Callable[[ObjectRow], bool]] = {
    "Objects": lambda row: row.takes_part,
    "Rejected": lambda row: row.rejected,
    "Background": lambda row: row.kind == "background" and not row.rejected,
    "All": lambda row: True,
}
_FILTER_TIP = (
    "Which objects are listed. Rejected ones and the queries that the model called background "
    "stay in reach here, and can be restored."
)
_NEW_CLASS = "The class of the object to add, such as: dog. Then press Enter."
_MORE = "Rename, merge, split, delete."
_THRESHOLD = (
    "Probability above which a pixel belongs to the object. Lower: larger masks. Cuts all "
    "proposed frames of the object anew, at once; edited and accepted ones stay as they are."
)
_RESET = "Back to 0.5, where the model itself cuts."


class ObjectPanel(QWidget):
    """Lists the objects, and accepts, rejects, renames, merges, splits and deletes them."""

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
        self.add = QPushButton("Add")
        self.table = ObjectTable(lambda: workbench.display.shown.vocabulary)
        self.accept_frame = QPushButton("Accept frame")
        self.accept_object = QPushButton("Accept all")
        self.reject = QPushButton("Reject")
        self.more = QPushButton("More")
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.more.setMenu(self.menu)
        self.threshold = ThresholdSlider(workbench)
        self._rows: tuple[ObjectRow, ...] = ()
        self._arrange()
        self._connect()

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
        self.filter.currentIndexChanged.connect(self._fill_table)
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
        self._buttons.follow(self.add, "add_object")
        self._buttons.follow(self.new_class, "add_object", _NEW_CLASS)
        self._buttons.follow(self.more, "delete", _MORE)
        controller.asked.connect(self._on_asked)
        display = self._workbench.display
        display.follow(lambda shown: shown.objects, self._show_objects)
        display.follow(lambda shown: shown.chosen, self.table.choose)
        display.follow(
            lambda shown: shown.vocabulary, lambda words: complete_from(self.new_class, words)
        )
        # A rejected object may have become one, and the other way round.
        display.follow(lambda shown: (shown.chosen, shown.objects), self._show_what_reject_does)

    # -- what the user does ----------------------------------------------------------------

    def _on_add(self) -> None:
        name = self.new_class.text().strip()
        if not name:
            self.new_class.setFocus()
            return
        if self._workbench.objects.add(name):  # a refused name can be corrected
            self.new_class.clear()
            self.new_class.clearFocus()

    def _rejects_or_restores(self) -> str:
        item = self._workbench.objects.chosen
        return "reject" if item is None or item.takes_part else "restore"

    def _on_renamed(self, object_id: int, class_name: str) -> None:
        self._workbench.objects.rename(object_id, class_name)
        self._fill_table()  # a refused name is taken back

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

    def _show_objects(self, rows: tuple[ObjectRow, ...]) -> None:
        self._rows = rows
        for index, (title, belongs) in enumerate(_FILTERS.items()):
            self.filter.setItemText(index, f"{title} ({sum(map(belongs, rows))})")
        self._fill_table()

    def _fill_table(self, *_: object) -> None:
        belongs = list(_FILTERS.values())[max(self.filter.currentIndex(), 0)]
        self.table.fill([row for row in self._rows if belongs(row)])
        self.table.choose(self._controller.chosen)

    def _show_what_reject_does(self, _: object) -> None:
        self.reject.setText(self._rejects_or_restores().capitalize())

    def _fill_menu(self) -> None:
        """Offer what can be done to the chosen object."""
        self.menu.clear()
        for name in ("restore", "rename", "merge", "split", "reject", "delete"):
            command = COMMANDS[name]
            if command.why_not(self._workbench) is not None:
                continue
            if name == "delete":
                self.menu.addSeparator()
            if name == "merge":
                self._merge_menu(self.menu.addMenu(command.title))
                continue
            entry = self.menu.addAction(command.title, self._running(command))
            entry.setToolTip(command_tip(command))

    def _running(self, command: Command) -> Callable[[], None]:
        return lambda: command.run(self._workbench)

    def _merge_menu(self, menu: QMenu) -> QMenu:
        """Offer the objects that the chosen one can be merged with."""
        chosen = self._controller.chosen
        for other in self._workbench.objects.all:
            if other.object_id != chosen and other.kind == "object" and other.takes_part:
                text = f"{other.class_name} (score {other.score:.2f})"
                menu.addAction(text, self._merging(other.object_id))
        if menu.isEmpty():
            menu.addAction("There is no other object.").setEnabled(False)
        return menu

    def _merging(self, other_id: int) -> Callable[[], None]:
        return lambda: self._workbench.objects.merge(other_id)


class ThresholdSlider(QWidget):
    """Cuts the chosen object's proposed masks anew, out of their logits."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._objects = workbench.objects
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 99)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.value = QLabel()
        self.value.setMinimumWidth(28)
        self.reset = QToolButton()
        self.reset.setText("↺")
        self.reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(QLabel("Threshold"))
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.value)
        layout.addWidget(self.reset)
        self.slider.valueChanged.connect(self._on_moved)
        self.reset.clicked.connect(lambda: self.slider.setValue(round(DEFAULT_THRESHOLD * 100)))

        workbench.display.follow(lambda shown: shown.threshold, self._show)

    def _show(self, threshold: Threshold) -> None:
        allow(self.slider, _THRESHOLD, threshold.why_not)
        at_default = "It is there." if threshold.value == DEFAULT_THRESHOLD else None
        allow(self.reset, _RESET, threshold.why_not or at_default)
        self.slider.blockSignals(True)
        self.slider.setValue(round(threshold.value * 100))
        self.slider.blockSignals(False)
        self.value.setText(f"{threshold.value:.2f}")

    def _on_moved(self, value: int) -> None:
        self._objects.set_threshold(value / 100)
