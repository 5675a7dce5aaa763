"""Asks before anything is lost: where a session cannot be saved, and is to be left."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from napari_tavis.widgets.controller import AnnotationController

_BUTTONS = QMessageBox.StandardButton


def may_leave(
    controller: AnnotationController, window: QWidget | None = None, *, may_stay: bool = True
) -> bool:
    """Save the open session, and ask where that cannot be done.

    Parameters
    ----------
    controller : AnnotationController
        Whose session it is.
    window : QWidget, optional
        Where the question is shown.
    may_stay : bool
        Whether the user may say that nothing is to be left.

    Returns
    -------
    bool
        Whether the session may be left: it is saved, here or elsewhere, or the user gives it up.
    """
    why = controller.save_now()
    while why is not None and controller.video is not None:
        question = _question(controller.video.name, why, window, may_stay)
        answer = question.exec()
        question.deleteLater()
        if answer == _BUTTONS.Discard:
            return True
        if answer == _BUTTONS.Save:
            folder = QFileDialog.getExistingDirectory(window, "Save the annotation in")
            why = controller.move_session(Path(folder)) if folder else controller.save_now()
        elif may_stay:
            return False
    return True


def _question(name: str, why: str, window: QWidget | None, may_stay: bool) -> QMessageBox:
    window = window or QApplication.activeWindow()
    question = QMessageBox(
        QMessageBox.Icon.Warning,
        "Not saved",
        f"What you did in {name} since the last save is not on disk.",
        _BUTTONS.Save | _BUTTONS.Discard,
        window,
    )
    question.setInformativeText(why)
    question.button(_BUTTONS.Save).setText("Save elsewhere …")
    question.button(_BUTTONS.Discard).setText("Lose it")
    question.setDefaultButton(_BUTTONS.Save)
    if may_stay:
        question.addButton(_BUTTONS.Cancel)
        question.setDefaultButton(_BUTTONS.Cancel)
    return question
