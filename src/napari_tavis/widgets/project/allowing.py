"""Controls that say why they cannot be used."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget


def allow(control: QWidget, purpose: str, reason: str | None) -> None:
    """Enable a control, or disable it and let its tooltip say why.

    Parameters
    ----------
    control : QWidget
        The control.
    purpose : str
        What it does.
    reason : str or None
        Why it cannot be used now; None where it can.
    """
    control.setEnabled(reason is None)
    control.setToolTip(purpose if reason is None else f"{purpose}\n{reason}")
