"""Controls that cannot be used now say why; buttons of commands are told so by the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from qtpy.QtWidgets import QAbstractButton, QWidget

from napari_tavis.widgets.commands import COMMANDS, Command
from napari_tavis.widgets.napari_compat import keys_of
from napari_tavis.widgets.workbench import Workbench


class Told(Protocol):
    """A signal, of whatever kind."""

    def connect(self, callback: Callable[..., object]) -> object:
        """Call back from now on."""
        ...


def allow(widget: QWidget, purpose: str, reason: str | None) -> None:
    """Enable a control, or disable it for a reason, which its tooltip gives after its purpose."""
    tip = purpose if reason is None else f"{purpose}\n{reason}"
    widget.setEnabled(reason is None)
    if widget.toolTip() != tip:  # Qt would tell every widget around it
        widget.setToolTip(tip)


def command_tip(command: Command) -> str:
    """Say what a command does, and the key it has now."""
    keys = keys_of(command.id)
    return f"{command.tooltip} Key: {' or '.join(keys)}." if keys else command.tooltip


class CommandButtons:
    """A panel's controls that run commands, each enabled or saying why not, as things stand.

    When something changes the table is asked anew; a control changes only where the answer does.

    Parameters
    ----------
    told_by : iterable of signals, optional
        Who tells that an answer may be another one now; by default `Workbench.changed`, which
        tells of each frame that is shown, too.
    """

    def __init__(self, workbench: Workbench, told_by: Iterable[Told] = ()) -> None:
        self._workbench = workbench
        self._controls: list[tuple[QWidget, Callable[[], Command], str | None]] = []
        for told in tuple(told_by) or (workbench.changed,):
            told.connect(self.refresh)
        workbench.controller.closing.connect(self._on_closing)

    def bind(self, button: QAbstractButton, name: str | Callable[[], str]) -> None:
        """Let a button run a command; what gives a name is asked which one each time."""

        def command() -> Command:
            return COMMANDS[name if isinstance(name, str) else name()]

        button.clicked.connect(lambda: command().run(self._workbench))
        self._add(button, command)

    def follow(self, control: QWidget, name: str, purpose: str | None = None) -> None:
        """Let a control be enabled as a command is, which it prepares or offers."""
        self._add(control, lambda: COMMANDS[name], purpose)

    def _add(
        self, control: QWidget, command: Callable[[], Command], purpose: str | None = None
    ) -> None:
        self._controls.append((control, command, purpose))
        self._apply(control, command(), purpose)

    def refresh(self, *what: object) -> None:
        """Ask the table for all controls."""
        for control, command, purpose in self._controls:
            self._apply(control, command(), purpose)

    def _apply(self, control: QWidget, command: Command, purpose: str | None) -> None:
        allow(control, purpose or command_tip(command), command.why_not(self._workbench))

    def _on_closing(self, window_stays: bool) -> None:
        self._controls.clear()  # they may be gone already
