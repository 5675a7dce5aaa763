"""What a person does to the objects: accept, rename, add ...; used by buttons and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tavis.errors import TavisError
from napari_tavis.widgets import work
from napari_tavis.widgets.jobs import report_error

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController


def accept_frame(controller: AnnotationController) -> None:
    """Mark the chosen object's mask in the frame shown as right."""
    object_id = controller.chosen
    if object_id is not None:
        controller.do(lambda session: session.accept(object_id, controller.navigation.frame))


def accept_object(controller: AnnotationController) -> None:
    """Mark all masks of the chosen object as right."""
    object_id = controller.chosen
    if object_id is not None:
        controller.do(lambda session: session.accept(object_id))


def rename_object(controller: AnnotationController, object_id: int, class_name: str) -> None:
    """Give an object another class; its layer takes the class's name and colour."""
    controller.do(lambda session: session.rename(object_id, class_name))


def add_object(controller: AnnotationController, class_name: str) -> None:
    """Add an empty object to paint in, to a new session if there is none."""
    if controller.clip is None or controller.blocked:
        return
    if controller.session is None:
        try:
            session = work.empty_session(controller.clip, controller.options.fps)
        except TavisError as error:
            report_error(error)
            return
        controller.take_session(session)
    added = controller.do(lambda session: session.add_object(class_name))
    if added is None:
        return
    controller.changed.emit()
    controller.choose(added.object_id)
    controller.said.emit(f"Paint the {added.class_name} in its layer, in any frame.")
