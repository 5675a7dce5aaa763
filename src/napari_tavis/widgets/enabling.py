"""Disabled controls say why, and tooltips name the key."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_tavis.widgets.commands import Command
from napari_tavis.widgets.napari_compat import keys_of


def allow(widget: QWidget, purpose: str, reason: str | None) -> None:
    """Enable a control, or disable it and let its tooltip say why.

    Parameters
    ----------
    widget : QWidget
        The control.
    purpose : str
        What it does.
    reason : str or None
        Why it cannot be used now; None if it can.
    """
    widget.setEnabled(reason is None)
    widget.setToolTip(purpose if reason is None else f"{purpose}\n{reason}")


def command_tip(command: Command) -> str:
    """Say what a command does, and the key it has now."""
    keys = keys_of(command.id)
    return f"{command.tooltip} Key: {' or '.join(keys)}." if keys else command.tooltip
