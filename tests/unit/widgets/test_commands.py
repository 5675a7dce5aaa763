"""The table of commands, over a workbench that has neither window nor panel."""

from __future__ import annotations

import pytest

from napari_tavis.annotation import FrameStatus
from napari_tavis.widgets.commands import COMMANDS, GROUPS
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui

DOG, DRUM, SCENE = 1, 2, 3


@pytest.fixture
def said(workbench: Workbench) -> list[str]:
    """What the user was told."""
    told: list[str] = []
    workbench.controller.said.connect(told.append)
    return told


def why_not(name: str, workbench: Workbench) -> str | None:
    return COMMANDS[name].why_not(workbench)


def test_every_command_has_a_name_of_its_own_a_title_and_a_sentence() -> None:
    assert len(COMMANDS) == sum(map(len, GROUPS.values()))
    for command in COMMANDS.values():
        assert command.title
        assert command.tooltip.endswith(".")


def test_what_cannot_be_done_says_why_and_does_nothing(
    workbench: Workbench, said: list[str]
) -> None:
    asked: list[str] = []
    workbench.controller.asked.connect(asked.append)
    refused = [one for one in COMMANDS.values() if one.why_not(workbench) is not None]
    assert {"segment", "accept_frame", "prompt", "play", "next_video", "export_video"} <= {
        one.id for one in refused
    }
    for command in refused:
        reason = command.why_not(workbench)
        assert reason is not None
        assert reason.endswith(".")
        said.clear()
        command.run(workbench)
        assert said == [reason]
    assert not asked
    assert not workbench.player.playing


def test_what_has_to_ask_first_asks(workbench: Workbench) -> None:
    asked: list[str] = []
    workbench.controller.asked.connect(asked.append)
    for name in ("show_models", "improve_model", "show_keys"):
        COMMANDS[name].run(workbench)
    assert asked == ["show_models", "improve_model", "show_keys"]


def test_what_can_be_done_follows_the_object(annotated: Workbench, said: list[str]) -> None:
    controller = annotated.controller
    session = controller.session
    assert why_not("accept_frame", annotated) is None
    controller.navigation.go_to(48)
    COMMANDS["accept_frame"].run(annotated)
    assert session.status(DOG, 48) is FrameStatus.ACCEPTED
    assert "among the objects already" in why_not("restore", annotated)
    COMMANDS["reject"].run(annotated)
    assert controller.chosen == DRUM
    controller.choose(DOG)
    assert why_not("accept_frame", annotated) == "Restore the object first."
    assert why_not("restore", annotated) is None
    assert why_not("reject", annotated) == "The dog is not among the objects."
    assert why_not("merge", annotated) == why_not("split", annotated) == "Restore the object first."
    assert why_not("rename", annotated) is None
    controller.choose(SCENE)
    assert why_not("reject", annotated) == "The scene mask cannot be rejected."
    for name in ("rename", "merge", "split"):
        assert "Only an object" in (why_not(name, annotated) or "")
    controller.choose(None)
    assert why_not("delete", annotated) == "Select an object first."


def test_what_can_be_done_follows_the_frame(annotated: Workbench) -> None:
    controller = annotated.controller
    controller.navigation.go_to(23)
    assert why_not("previous_sampled", annotated) == "No sampled frame before this one."
    assert why_not("next_sampled", annotated) is None
    controller.navigation.go_to(123)
    assert why_not("previous_sampled", annotated) is None
    assert why_not("next_sampled", annotated) == "No sampled frame after this one."


def test_clicks_are_kept_or_dropped_where_there_are_some(annotated: Workbench) -> None:
    assert why_not("prompt", annotated) is None
    for name in ("prompt_keep", "prompt_drop", "prompt_undo"):
        assert why_not(name, annotated) == "Click on the picture first."


def test_the_workbench_tells_when_something_may_have_become_possible(annotated: Workbench) -> None:
    told: list[str] = []
    annotated.changed.connect(lambda: told.append("changed"))
    for change in (
        lambda: annotated.controller.choose(DRUM),
        lambda: annotated.controller.navigation.go_to(48),
        lambda: annotated.controller.do(lambda session: session.accept(DRUM, 48)),
        lambda: annotated.player.select((1.0, 2.0)),
        lambda: annotated.queue.changed.emit(),
    ):
        told.clear()
        change()
        assert told
