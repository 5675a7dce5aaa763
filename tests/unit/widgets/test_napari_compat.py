"""What the plugin needs of napari and napari does not promise, shown by what it brings about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Labels, Points
from napari.settings import get_settings
from napari.utils._proxies import PublicOnlyProxy
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow

from napari_tavis.widgets import napari_compat as compat

pytestmark = pytest.mark.gui


def press(viewer: Viewer, key: str) -> None:
    QTest.keySequence(compat.canvas_of(viewer), QKeySequence(key))


# -- the window --------------------------------------------------------------------------------


def test_the_viewer_behind_napari_s_proxy_is_the_same_object(viewer: Viewer) -> None:
    layer = viewer.add_labels(np.zeros((4, 4), int))
    proxy = PublicOnlyProxy(viewer)
    assert proxy.layers[0] is not layer, "a proxy no more: `unwrapped` can go"
    assert compat.unwrapped(proxy) is viewer
    assert compat.unwrapped(proxy).layers[0] is layer
    assert compat.unwrapped(viewer) is viewer


def test_docks_are_found_in_the_main_window(viewer: Viewer) -> None:
    label = QLabel("here")
    label.setObjectName("a label")
    viewer.window.add_dock_widget(label)
    window = compat.main_window(viewer)
    assert isinstance(window, QMainWindow)
    assert window.isVisible()
    assert window.findChild(QLabel, "a label") is label


@pytest.mark.own_window
def test_the_canvas_lies_in_the_window_and_takes_the_mouse(qtbot, viewer: Viewer) -> None:
    pressed = []
    viewer.mouse_drag_callbacks.append(lambda viewer, event: pressed.append(event.type))
    canvas = compat.canvas_of(viewer)
    assert canvas.window() is compat.main_window(viewer)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert pressed == ["mouse_press"]


class Closings(QObject):
    """Notes who closes a window, when Qt tells it."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.by_program: list[bool] = []
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Close:
            self.by_program.append(compat.is_closed_by_program(watched))
            if not self.by_program[-1]:
                event.ignore()
                return True
        return False


@pytest.mark.own_window
def test_who_closes_the_window_is_told_apart(viewer: Viewer) -> None:
    window = compat.main_window(viewer)
    closings = Closings(window)
    window.windowHandle().close()
    assert closings.by_program == [False]
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the fixture closes it, too
    viewer.close()
    assert closings.by_program == [False, True]


def test_the_preferences_open(qtbot, viewer: Viewer) -> None:
    before = set(QApplication.topLevelWidgets())
    compat.open_preferences(viewer)
    opened = [one for one in QApplication.topLevelWidgets() if one not in before]
    dialog = next(one for one in opened if "Preferences" in one.windowTitle())
    assert dialog.isVisible()
    dialog.close()


# -- layers ------------------------------------------------------------------------------------


def test_layers_are_added_without_selecting_each(viewer: Viewer) -> None:
    first = viewer.add_points()
    active: list[object] = []
    viewer.layers.selection.events.active.connect(lambda event: active.append(event.value))
    with compat.without_selecting(viewer.layers):
        viewer.add_points()
    assert viewer.layers.selection.active is first
    assert not active
    assert viewer.add_points() is viewer.layers.selection.active


def test_undo_of_a_layer_is_taken_over_and_its_memory_emptied(viewer: Viewer) -> None:
    layer: Labels = viewer.add_labels(np.zeros((8, 8), np.uint8))
    own_undo, asked = layer.undo, []
    forget = compat.take_over_undo(
        layer, lambda: asked.append("undo"), lambda: asked.append("redo")
    )
    layer.paint((2, 2), 1)
    press(viewer, "Ctrl+Z")
    press(viewer, "Ctrl+Shift+Z")
    assert asked == ["undo", "redo"]
    assert layer.data.any(), "napari has not undone it"
    forget()
    own_undo()
    assert layer.data.any(), "there is nothing to be undone any more"


def test_a_click_adds_no_point_but_is_told(qtbot, viewer: Viewer) -> None:
    layer: Points = viewer.add_points(ndim=2)
    pressed = []

    def on_press(layer: Points, event: object) -> None:
        pressed.append(layer)

    layer.events.mode.connect(lambda: compat.take_clicks(layer, on_press))
    layer.mode = "add"
    canvas = compat.canvas_of(viewer)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert pressed == [layer]
    assert len(layer.data) == 0
    layer.mode = "select"
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert pressed == [layer], "another tool has the mouse for itself"


# -- keys --------------------------------------------------------------------------------------


@pytest.fixture
def action() -> Iterator[list[Viewer]]:
    """An action of ours; the viewers in which its key was pressed."""
    pressed: list[Viewer] = []
    compat.register_action("example", "Example", pressed.append)
    yield pressed
    compat.unbind_action("example")


def test_an_action_has_a_key_until_it_is_taken_away(viewer: Viewer, action: list) -> None:
    assert compat.keys_of("example") == []
    compat.bind_action("example", compat.key("Ctrl+Alt+Y"))
    assert compat.keys_of("example") == ["Ctrl+Alt+Y"]
    press(viewer, "Ctrl+Alt+Y")
    assert action == [viewer]
    compat.unbind_action("example")
    assert compat.keys_of("example") == []
    press(viewer, "Ctrl+Alt+Y")
    assert action == [viewer]


def test_an_action_without_a_key_loses_none(action: list) -> None:
    compat.unbind_action("example")  # and nothing is warned of
    assert compat.keys_of("example") == []


def test_the_preferences_list_the_action_and_keep_what_is_chosen(action: list) -> None:
    from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor

    editor = ShortcutEditor()
    assert "napari-tavis:example" in editor.key_bindings_strs[ShortcutEditor.VIEWER_KEYBINDINGS]
    editor.close()
    assert compat.chosen_keys("example") is None
    settings = get_settings().shortcuts
    before = settings.shortcuts
    settings.shortcuts = {**before, "napari-tavis:example": [compat.key("Shift+Y")]}
    assert compat.chosen_keys("example") == [compat.key("Shift+Y")]
    settings.shortcuts = before


def test_the_keys_of_napari_are_known_wherever_it_binds_them(viewer: Viewer, action: list) -> None:
    compat.bind_action("example", compat.key("Ctrl+Alt+Y"))
    found = compat.keys_of_napari()
    assert compat.key("Ctrl+R") in found, "of the viewer"
    assert compat.key("E") in found, "of a layer"
    assert compat.key("Space") in found, "of any layer, held"
    assert compat.key("Ctrl+O") in found, "of a menu"
    assert compat.key("Ctrl+Alt+Y") not in found, "one of ours"


def test_napari_s_own_keys_are_given_by_name(viewer: Viewer) -> None:
    assert compat.keys_of_napari_action("napari:reset_view") == ["Ctrl+R"]
    assert compat.keys_of_napari_action("napari:activate_labels_paint_mode")
    assert compat.keys_of_napari_action("napari:there_is_none") == []


# -- nowhere else ------------------------------------------------------------------------------


def test_nobody_else_reaches_for_what_is_private_to_others() -> None:
    found = []
    package = Path(compat.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path == Path(compat.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and _is_private(node.attr):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if owner not in {"self", "cls"}:
                    found.append(f"{path.relative_to(package)}:{node.lineno}: {node.attr}")
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("napari."):
                names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
                if any(map(_is_private, names)) or "action_manager" in names:
                    found.append(f"{path.relative_to(package)}:{node.lineno}: {node.module}")
    assert not found


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
