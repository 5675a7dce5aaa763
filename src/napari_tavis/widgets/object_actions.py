"""What a person does to the objects: accept, reject, rename, merge, split, delete, add."""

from __future__ import annotations

from napari_tavis.annotation.objects import SessionObject
from napari_tavis.core.errors import TavisError
from napari_tavis.widgets import work
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import report_error


def accept_frame(controller: AnnotationController) -> None:
    """Mark the chosen object's mask in the frame shown as right."""
    object_id, frame = controller.chosen, controller.navigation.frame
    if object_id is not None:
        controller.do(lambda session: session.accept(object_id, frame))


def accept_object(controller: AnnotationController) -> None:
    """Mark all masks of the chosen object as right."""
    object_id = controller.chosen
    if object_id is not None:
        controller.do(lambda session: session.accept(object_id))


def reject(controller: AnnotationController) -> None:
    """Say that the chosen object does not sound, and go to the next one."""
    item = chosen_item(controller)
    if item is None:
        return
    following = _neighbour(controller, item.object_id)
    controller.do(lambda session: session.reject(item.object_id))
    controller.choose(following)
    controller.said.emit(f"Rejected: {item.class_name}. It stays in reach under “Rejected”.")


def restore(controller: AnnotationController) -> None:
    """Add the chosen rejected object, or background query, to the objects."""
    item = chosen_item(controller)
    if item is None:
        return
    was_background = item.kind == "background"
    controller.do(lambda session: session.restore(item.object_id))
    controller.choose(item.object_id)
    if was_background:
        controller.said.emit("It is an object now: give it a class.")


def rename_object(controller: AnnotationController, object_id: int, class_name: str) -> None:
    """Give an object another class; its layer takes the class's name and colour."""
    controller.do(lambda session: session.rename(object_id, class_name))


def merge(controller: AnnotationController, other_id: int) -> None:
    """Give the chosen object the masks of another one, which goes."""
    item = chosen_item(controller)
    if item is not None:
        controller.do(lambda session: session.merge(item.object_id, other_id))
        controller.choose(item.object_id)


def split(controller: AnnotationController) -> None:
    """Make a new object of the chosen one's masks from the frame shown on."""
    object_id, frame = controller.chosen, controller.navigation.frame
    if object_id is None:
        return
    new = controller.do(lambda session: session.split(object_id, frame))
    if new is not None:
        controller.choose(new.object_id)
        controller.said.emit(f"From this frame on it is another {new.class_name}.")


def delete(controller: AnnotationController) -> None:
    """Delete the chosen object with all its masks; undo brings it back."""
    item = chosen_item(controller)
    if item is None:
        return
    following = _neighbour(controller, item.object_id)
    controller.do(lambda session: session.remove_object(item.object_id))
    controller.choose(following)
    controller.said.emit(f"Deleted: {item.class_name}. Undo brings it back.")


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
    if added is not None:
        controller.choose(added.object_id)
        controller.said.emit(f"Paint the {added.class_name} in its layer, in any frame.")


def set_threshold(controller: AnnotationController, value: float) -> None:
    """Cut the chosen object's proposed masks at another probability."""
    object_id = controller.chosen
    if object_id is not None:
        controller.do(lambda session: session.set_threshold(object_id, value))


def chosen_item(controller: AnnotationController) -> SessionObject | None:
    """Give the chosen object, or None."""
    if controller.session is None or controller.chosen is None:
        return None
    return controller.item(controller.chosen)


def shown_objects(controller: AnnotationController) -> list[int]:
    """Give the numbers of the objects that take part, in the order of the list."""
    items = controller.session.objects if controller.session is not None else []
    return [item.object_id for item in items if item.takes_part]


def _neighbour(controller: AnnotationController, object_id: int) -> int | None:
    """Give the object after one in the list, or the one before it."""
    ids = shown_objects(controller)
    if object_id not in ids:
        return None
    at = ids.index(object_id)
    others = ids[at + 1 :] or ids[:at][-1:]
    return others[0] if others else None


def choose_by(controller: AnnotationController, step: int) -> None:
    """Choose the object that many rows further down, round the ends of the list."""
    ids = shown_objects(controller)
    if not ids:
        return
    at = ids.index(controller.chosen) if controller.chosen in ids else -max(step, 0)
    controller.choose(ids[(at + step) % len(ids)])


def go_sampled(controller: AnnotationController, *, forwards: bool) -> None:
    """Show the next sampled frame, or the one before."""
    navigation = controller.navigation
    frame = navigation.next_sampled() if forwards else navigation.previous_sampled()
    if frame is not None:
        navigation.go_to(frame)
