"""The keys: none is napari's, all are listed, and the user may change them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from napari.settings import get_settings
from napari.utils.key_bindings import coerce_keybinding
from napari.viewer import Viewer
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest

from napari_tavis.annotation import FrameStatus
from napari_tavis.annotation.objects import ObjectState
from napari_tavis.widgets.commands import COMMANDS
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.napari_compat import canvas_of, keys_of, keys_of_napari

pytestmark = pytest.mark.gui

DOG, DRUM, SCENE = 1, 2, 3


def press(viewer: Viewer, key: str) -> None:
    """Press a key over the picture."""
    QTest.keySequence(canvas_of(viewer), QKeySequence(key))


def test_no_key_is_napari_s_or_given_twice(viewer: Viewer) -> None:
    taken = keys_of_napari()
    assert {coerce_keybinding(key) for key in ("V", "Ctrl+R", "Space", "E", "Ctrl+O")} <= taken
    keys = [coerce_keybinding(one.key) for one in COMMANDS.values() if one.key]
    assert len(set(keys)) == len(keys)
    shared = {coerce_keybinding(COMMANDS[name].key) for name in ("undo", "redo")}
    assert set(keys) & taken <= shared


def test_keys_do_what_they_say(
    viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    controller = dock.controller
    session = controller.session
    controller.choose(DOG)
    controller.navigation.go_to(23)
    press(viewer, ".")
    assert controller.navigation.frame == 48
    press(viewer, "W")
    assert session.status(DOG, 48) is FrameStatus.ACCEPTED
    press(viewer, "Down")
    assert controller.chosen == DRUM
    press(viewer, "J")
    assert session.object(DRUM).state is ObjectState.REJECTED
    press(viewer, "N")
    assert dock.window().focusWidget() is dock.annotate.objects.new_class


def test_keys_work_while_the_list_has_the_focus(
    qtbot, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    table = dock.annotate.objects.table
    table.selectRow(0)
    table.setFocus()
    dock.controller.navigation.go_to(48)
    qtbot.keyClick(table, "w")
    assert dock.controller.session.status(DOG, 48) is FrameStatus.ACCEPTED


@pytest.fixture
def chosen_key(viewer: Viewer) -> Iterator[str]:
    """Another key for rejecting, as napari's preferences keep it."""
    settings = get_settings().shortcuts
    before = settings.shortcuts
    chosen = {"napari-tavis:reject": [coerce_keybinding("Shift+Y")]}
    settings.shortcuts = {**before, **chosen}
    yield "Shift+Y"
    settings.shortcuts = before


def test_a_key_chosen_in_the_preferences_is_taken(
    chosen_key: str, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    assert keys_of("reject") == [chosen_key]
    assert chosen_key in dock.annotate.objects.reject.toolTip()
    dock.controller.choose(DOG)
    press(viewer, "J")
    assert dock.controller.session.object(DOG).state is ObjectState.ACTIVE
    press(viewer, chosen_key)
    assert dock.controller.session.object(DOG).state is ObjectState.REJECTED
    dock.close_session()
    assert keys_of("reject") == []


def test_the_help_panel_and_the_preferences_list_every_command(
    viewer: Viewer, dock: AnnotationDock
) -> None:
    shown = dock.show_keys()
    groups = [shown.tree.topLevelItem(row) for row in range(shown.tree.topLevelItemCount())]
    rows = {
        group.child(row).text(0): group.child(row).text(1)
        for group in groups
        for row in range(group.childCount())
    }
    assert {command.title for command in COMMANDS.values()} <= set(rows)
    assert rows["Undo"] == "Ctrl+Z"
    assert rows["Brush"]
    shown.close()

    from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor

    editor = ShortcutEditor()
    listed = editor.key_bindings_strs[ShortcutEditor.VIEWER_KEYBINDINGS]
    assert {f"napari-tavis:{name}" for name in COMMANDS} <= set(listed)
    editor.close()


@pytest.mark.own_window
def test_each_viewer_s_keys_act_on_its_own_dock(
    make_napari_viewer, viewer: Viewer, dock: AnnotationDock, annotated_video: Path, open_in
) -> None:
    open_in(dock, annotated_video)
    other = make_napari_viewer()
    other_dock = add_dock(other)
    said_here: list[str] = []
    said_there: list[str] = []
    dock.controller.said.connect(said_here.append)
    other_dock.controller.said.connect(said_there.append)
    press(other, "Ctrl+Z")
    assert said_there == ["Nothing to undo."]
    assert said_here == []
    other_dock.close_session()
    dock.controller.choose(DOG)
    press(viewer, "J")
    assert dock.controller.session.object(DOG).state is ObjectState.REJECTED
