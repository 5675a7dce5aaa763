"""What is done to the objects: found by the model; accepted, rejected, named, added by a person."""

from __future__ import annotations

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.objects import SessionObject
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import TavisError
from napari_tavis.engine import sample_frames
from napari_tavis.media import Clip
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import report_error


class Objects:
    """The objects of the open session, and the chosen one of them."""

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller

    @property
    def all(self) -> list[SessionObject]:
        """All objects in the order of the list: rejected and background ones, too."""
        session = self._controller.session
        return [] if session is None else session.objects

    @property
    def chosen(self) -> SessionObject | None:
        """The object that is worked on."""
        chosen = self._controller.chosen
        return next((item for item in self.all if item.object_id == chosen), None)

    # -- finding and adding ----------------------------------------------------------------

    def segment(self) -> None:
        """Run the model on the open video; what a person edited or accepted stays."""
        controller = self._controller
        video, options, engine = controller.video, controller.options, controller.engine
        if video is None or controller.jobs.busy:
            return
        controller.jobs.start(
            lambda task: engine.segment(video, options, keep=True, task=task),
            self._on_segmented,
            self._on_failed,
        )

    def _on_segmented(self, proposals: Proposals) -> None:
        controller = self._controller
        session, video = controller.collect_edits(), controller.video
        assert video is not None
        try:
            if session is None:
                session = AnnotationSession.create(video, proposals, may_move=True)
            else:
                session.replace_proposals(proposals)
        except TavisError as error:
            self._on_failed(error)
            return
        controller.take_session(session)
        controller.refresh()
        found = sum(item.kind == "object" for item in session.objects)
        controller.said.emit(f"{found} sounding object{'' if found == 1 else 's'} proposed.")
        first = controller.navigation.sampled
        if first:
            controller.navigation.go_to(first[0])
        controller.changed.emit()

    def _on_failed(self, error: BaseException) -> None:
        self._controller.tell_failure(error)
        self._controller.changed.emit()

    def add(self, class_name: str) -> bool:
        """Add an empty object to paint in, to a new session if there is none; say if it worked."""
        controller = self._controller
        if controller.clip is None or controller.blocked:
            return False
        if controller.session is None:
            try:
                session = empty_session(controller.clip, controller.options.fps)
            except TavisError as error:
                report_error(error)
                return False
            controller.take_session(session)
        added = controller.do(lambda session: session.add_object(class_name))
        if added is not None:
            controller.choose(added.object_id)
            controller.said.emit(f"Paint the {added.class_name} in its layer, in any frame.")
        return added is not None

    # -- the chosen one --------------------------------------------------------------------

    def accept_frame(self) -> None:
        """Mark the chosen object's mask in the frame shown as right."""
        object_id, frame = self._controller.chosen, self._controller.navigation.frame
        if object_id is not None:
            self._controller.do(lambda session: session.accept(object_id, frame))

    def accept(self) -> None:
        """Mark all masks of the chosen object as right."""
        object_id = self._controller.chosen
        if object_id is not None:
            self._controller.do(lambda session: session.accept(object_id))

    def reject(self) -> None:
        """Note that the chosen object does not sound, and go to the next one."""
        item = self.chosen
        if item is None:
            return
        following = self._neighbour(item)
        self._controller.do(lambda session: session.reject(item.object_id))
        self._controller.choose(following)
        self._controller.said.emit(
            f"Rejected: {item.class_name}. It stays in reach under “Rejected”."
        )

    def restore(self) -> None:
        """Add the chosen rejected object, or background query, to the objects."""
        item = self.chosen
        if item is None:
            return
        was_background = item.kind == "background"
        self._controller.do(lambda session: session.restore(item.object_id))
        self._controller.choose(item.object_id)
        if was_background:
            self._controller.said.emit("It is an object now: give it a class.")

    def merge(self, other_id: int) -> None:
        """Give the chosen object the masks of another one, which goes."""
        item = self.chosen
        if item is not None:
            self._controller.do(lambda session: session.merge(item.object_id, other_id))
            self._controller.choose(item.object_id)

    def split(self) -> None:
        """Make a new object of the chosen one's masks from the frame shown on."""
        object_id, frame = self._controller.chosen, self._controller.navigation.frame
        if object_id is None:
            return
        new = self._controller.do(lambda session: session.split(object_id, frame))
        if new is not None:
            self._controller.choose(new.object_id)
            self._controller.said.emit(f"From this frame on it is another {new.class_name}.")

    def delete(self) -> None:
        """Delete the chosen object with all its masks; undo brings it back."""
        item = self.chosen
        if item is None:
            return
        following = self._neighbour(item)
        self._controller.do(lambda session: session.remove_object(item.object_id))
        self._controller.choose(following)
        self._controller.said.emit(f"Deleted: {item.class_name}. Undo brings it back.")

    def set_threshold(self, value: float) -> None:
        """Cut the chosen object's proposed masks at another probability."""
        object_id = self._controller.chosen
        if object_id is not None:
            self._controller.do(lambda session: session.set_threshold(object_id, value))

    # -- any one ---------------------------------------------------------------------------

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object another class; its layer takes the class's name and colour."""
        self._controller.do(lambda session: session.rename(object_id, class_name))

    def show(self, object_id: int, shown: bool) -> None:
        """Show an object's layer, or hide it."""
        controller = self._controller
        if controller.session is None:
            return
        if shown:
            controller.layers.show(controller.session, object_id).visible = True
        elif (layer := controller.layers.layer(object_id)) is not None:
            layer.visible = False

    def choose_by(self, step: int) -> None:
        """Choose the object that many rows further down, round the ends of the list."""
        ids = [item.object_id for item in self.all if item.takes_part]
        if not ids:
            return
        chosen = self._controller.chosen
        at = ids.index(chosen) if chosen in ids else -max(step, 0)
        self._controller.choose(ids[(at + step) % len(ids)])

    def _neighbour(self, item: SessionObject) -> int | None:
        """Give the object after one in the list, or the one before it."""
        ids = [one.object_id for one in self.all if one.takes_part]
        if item.object_id not in ids:
            return None
        at = ids.index(item.object_id)
        others = ids[at + 1 :] or ids[:at][-1:]
        return others[0] if others else None


def empty_session(clip: Clip, fps: float) -> AnnotationSession:
    """Begin a session without proposals, to paint in, with so many sampled frames per second."""
    samples = sample_frames(clip, fps)
    nothing = Proposals(samples.indices, samples.times, clip.size, [], frame_count=len(clip.times))
    return AnnotationSession.create(clip.path, nothing, may_move=True)
