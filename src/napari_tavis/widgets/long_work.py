"""Segmenting and exporting the open video as jobs of the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from napari_tavis.avsbench import Violation
from napari_tavis.errors import TavisError
from napari_tavis.inference.proposals import Proposals
from napari_tavis.session import AnnotationSession
from napari_tavis.tasks import Cancelled, CancelToken, Progress
from napari_tavis.widgets import work
from napari_tavis.widgets.jobs import report_error

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController


def segment(controller: AnnotationController) -> None:
    """Run the model on the open video; what a person edited or accepted stays."""
    video, options = controller.video, controller.options
    if video is None or controller.jobs.busy:
        return
    controller.jobs.start(
        lambda progress, cancel: work.segment_video(
            video, options, controller.loaded_model, progress, cancel
        ),
        lambda proposals: _on_segmented(controller, proposals),
        lambda error: report_end(controller, error),
    )


def _on_segmented(controller: AnnotationController, proposals: Proposals) -> None:
    for warning in proposals.warnings:
        show_warning(warning)
    session, video = controller.collect_edits(), controller.video
    assert video is not None
    try:
        if session is None:
            session = AnnotationSession.create(video, proposals)
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


def export(controller: AnnotationController, options: work.ExportOptions) -> None:
    """Save the session and write it into an AVSBench dataset."""
    session = controller.collect_edits()
    if session is None or controller.jobs.busy:
        return

    def run(progress: Progress, cancel: CancelToken) -> list[Violation]:
        progress(0, 0, "saving")
        session.save()
        return work.export_video(session.directory, options, progress, cancel)

    controller.jobs.start(
        run,
        lambda found: _on_exported(controller, options, found),
        lambda error: report_end(controller, error),
    )


def _on_exported(
    controller: AnnotationController, options: work.ExportOptions, found: list[Violation]
) -> None:
    if found:
        show_warning(
            f"Exported, but the dataset {options.root} has {len(found)} violations, "
            f"the first in {found[0].path}: {found[0].message}"
        )
    result = "the dataset is valid" if not found else f"{len(found)} violations"
    controller.said.emit(f"Exported to {options.root} ({options.subset}); {result}.")
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
