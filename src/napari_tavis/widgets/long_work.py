"""Segmenting the open video as a job of the controller."""

from __future__ import annotations

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import report_error


def segment(controller: AnnotationController) -> None:
    """Run the model on the open video; what a person edited or accepted stays."""
    video, options, engine = controller.video, controller.options, controller.engine
    if video is None or controller.jobs.busy:
        return
    controller.jobs.start(
        lambda task: engine.segment(video, options, keep=True, task=task),
        lambda proposals: _on_segmented(controller, proposals),
        lambda error: report_end(controller, error),
    )


def _on_segmented(controller: AnnotationController, proposals: Proposals) -> None:
    session, video = controller.collect_edits(), controller.video
    assert video is not None
    try:
        if session is None:
            session = AnnotationSession.create(video, proposals, may_move=True)
        else:
            session.replace_proposals(proposals)
    except TavisError as error:
        report_error(error)
        return
    controller.take_session(session)
    controller.refresh()
    found = sum(item.kind == "object" for item in session.objects)
    controller.said.emit(f"{found} sounding object{'' if found == 1 else 's'} proposed.")
    first = controller.navigation.sampled
    if first:
        controller.navigation.go_to(first[0])
    controller.changed.emit()


def cancel(controller: AnnotationController) -> None:
    """Ask the running work to stop."""
    controller.jobs.cancel()
    controller.said.emit("Cancelling after this step …")


def report_end(controller: AnnotationController, error: BaseException) -> None:
    """Say that work stopped, and why."""
    controller.said.emit(
        "Cancelled." if isinstance(error, Cancelled) else "Not done; see the error."
    )
    report_error(error)
    controller.changed.emit()
