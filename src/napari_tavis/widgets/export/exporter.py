"""Exports the open session: what is asked for, what it would write, and how it went. No widgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import Violation, validate
from napari_tavis.datasets.avsbench.mapping import UnmappedClassError
from napari_tavis.exchange.exporting import (
    FORMATS,
    ExportResult,
    changed_exports,
    export,
    note_export,
    plan_export,
    rewrite_request,
)
from napari_tavis.exchange.format import ExportPlan, ExportRequest
from napari_tavis.exchange.importing import import_dataset
from napari_tavis.exchange.new_session import ImportReport
from napari_tavis.media import Clip
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import JobRunner, report_error

Ask: TypeAlias = Callable[[AnnotationSession], list[ExportRequest]]
"""Says what is to be exported of a session."""

PICTURES = 5  # frames that a preview shows, at most
_NOTES = 5  # notes on an import that are shown one by one
_DELAY_MS = 300  # from the last change to the preview, so that typing does not make one per letter


@dataclass(frozen=True, eq=False)
class Preview:
    """What an export would write."""

    plan: ExportPlan
    pictures: tuple[npt.NDArray[np.uint8], ...]  # (h, w, 3), frames spread over the clip


@dataclass(frozen=True)
class Report:
    """How an export, a check or an import went."""

    text: str
    folder: Path  # of the dataset
    violations: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()  # a sentence each


@dataclass(frozen=True)
class AskedImport:
    """Which dataset is to be imported, in the words of `import_dataset`."""

    dataset: Path
    output: Path
    videos: Path | None
    first_frame: int | None
    partial: bool


class Exporter(QObject):
    """Plans and writes exports of the open session, checks datasets, and imports them.

    Attributes
    ----------
    request : ExportRequest or None
        What the user has chosen, without the mapping; None while no folder is chosen.
    mapping : dict of str to (str or None)
        What the user said becomes of classes that AVSBench lacks; None leaves them out.
    known : dict of str to (str or None)
        What the dataset knows of the session's other classes.
    unmapped : tuple of str
        The classes of which it must still be said.
    previewed : Signal
        Emitted with a `Preview`, or with a sentence that says why there is none.
    reported : Signal
        Emitted with a `Report`.
    classes_asked : Signal
        Emitted with the names of classes that AVSBench lacks, in the middle of an export; it goes
        on, or ends, with `answer`.
    """

    changed = Signal()
    previewed = Signal(object)
    reported = Signal(object)
    classes_asked = Signal(object)

    def __init__(self, controller: AnnotationController) -> None:
        super().__init__()
        self.request: ExportRequest | None = None
        self.mapping: dict[str, str | None] = {}
        self.known: dict[str, str | None] = {}
        self.unmapped: tuple[str, ...] = ()
        self._controller = controller
        self._refused: tuple[AnnotationSession, Ask] | None = None  # waits for `answer`
        self._watched = False
        self._outdated = False  # while a preview is being made
        self._previews = JobRunner(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._make_preview)
        controller.changed.connect(self._preview_soon)
        controller.edited.connect(self._on_edited)
        controller.closing.connect(self._on_closing)

    # -- what is asked for -----------------------------------------------------------------

    def choose(self, request: ExportRequest | None) -> None:
        """Take what the user has chosen."""
        self.request = request
        self._preview_soon()
        self.changed.emit()

    def map_classes(self, mapping: Mapping[str, str | None]) -> None:
        """Take what becomes of classes that AVSBench lacks."""
        self.mapping.update(mapping)
        self.unmapped = tuple(name for name in self.unmapped if name not in mapping)
        self._preview_soon()
        self.changed.emit()

    @property
    def whole_mapping(self) -> dict[str, str | None]:
        """What was said of classes here, and before to the dataset."""
        return {**self.known, **self.mapping}

    @property
    def checks_datasets(self) -> bool:
        """Whether the chosen format has a check of whole datasets."""
        return self.request is not None and FORMATS[self.request.key].checks_datasets

    @property
    def second_shown(self) -> int:
        """The second of the video in which the frame shown lies."""
        clip = self._controller.clip
        return 0 if clip is None else math.floor(clip.times[self._controller.navigation.frame])

    # -- exporting -------------------------------------------------------------------------

    def export(self) -> None:
        """Export the open session as it was chosen."""
        request = self.request
        if request is not None:
            self._start(lambda session: [request])

    def export_again(self) -> None:
        """Write all exports anew that the session has changed since."""
        self._start(lambda session: [rewrite_request(note) for note in changed_exports(session)])

    def answer(self, mapping: Mapping[str, str | None] | None) -> None:
        """Go on with the export that asked for classes; None exports nothing."""
        refused, self._refused = self._refused, None
        if mapping is None:
            self._controller.said.emit("Nothing was exported.")
        elif refused is not None:
            session, ask = refused
            self.map_classes(mapping)
            if session is self._controller.session:
                self._start(ask)
            else:  # the question stood while another video was opened
                self._controller.said.emit(
                    f"Nothing was exported: open {session.video.name} again, and export it then."
                )

    def _start(self, ask: Ask) -> None:
        """Save the session, and export it as it is now."""
        session = self._controller.collect_edits()
        if session is None or self._controller.jobs.busy:
            return
        try:
            requests = [self._with_mapping(request) for request in ask(session)]
            if not session.read_only:
                session.save()
        except TavisError as error:
            report_error(error)
            return
        path, video = session.path, session.video
        self._controller.jobs.start(
            lambda task: _export_saved(path, video, requests, task),
            lambda results: self._on_exported(session, results, len(requests)),
            lambda error: self._on_not_exported(session, error, ask),
            outlasts=True,
        )

    def _with_mapping(self, request: ExportRequest) -> ExportRequest:
        return replace(request, mapping={**request.mapping, **self.mapping})

    def _on_exported(
        self, session: AnnotationSession, results: list[ExportResult], asked: int
    ) -> None:
        for result in results:
            note_export(session, result)
        self._controller.refresh([])  # saved soon
        found = tuple(one for result in results for one in result.violations)
        names = ", ".join(result.name for result in results)
        text = f"{names} is written and {'valid.' if not found else 'has ' + _count(found)}"
        if len(results) < asked:
            text += f" Cancelled: {asked - len(results)} more not written."
        if results[-1].edits != session.edits:
            text += " You went on painting meanwhile: export again for that."
        root = results[-1].request.root
        notes = tuple(dict.fromkeys(note for result in results for note in result.notes))
        self.reported.emit(Report(text, root, found, notes))
        self._controller.said.emit(f"Exported {names} to {root}.")
        self._preview_soon()
        self.changed.emit()

    def _on_not_exported(self, session: AnnotationSession, error: BaseException, ask: Ask) -> None:
        if isinstance(error, UnmappedClassError):
            self._refused = session, ask
            self.classes_asked.emit(error.class_names)
            return
        self._controller.tell_failure(error, str(error), "Cancelled; nothing was exported.")

    # -- whole datasets --------------------------------------------------------------------

    def check_dataset(self) -> None:
        """Check every clip of the chosen dataset."""
        if self.request is None or self._controller.jobs.busy:
            return
        root = self.request.root
        self._controller.jobs.start(
            lambda task: validate(root, task=task),
            lambda found: self._on_checked(root, tuple(found)),
            self._controller.tell_failure,
            outlasts=True,
        )

    def _on_checked(self, root: Path, found: tuple[Violation, ...]) -> None:
        text = f"The dataset has {_count(found)}" if found else "The whole dataset is valid."
        self.reported.emit(Report(text, root, found))

    def import_dataset(self, asked: AskedImport) -> None:
        """Make videos with sessions of a dataset."""
        if self._controller.jobs.busy:
            return
        self._controller.jobs.start(
            lambda task: import_dataset(
                asked.dataset,
                asked.output,
                videos=asked.videos,
                first_frame=asked.first_frame,
                partial=asked.partial,
                task=task,
            ),
            lambda report: self._on_imported(asked.output, report),
            self._controller.tell_failure,
            outlasts=True,
        )

    def _on_imported(self, output: Path, report: ImportReport) -> None:
        text = report.summary()
        if report.videos:
            text += f" Open {output} in Queue."
        more = len(report.notes) - _NOTES
        notes = [*report.notes[:_NOTES], *([f"And {more} more like these."] if more > 0 else [])]
        problems = tuple(Violation(output, sentence) for sentence in report.skipped)
        self.reported.emit(Report(" ".join((text, *notes)), output, problems))
        self._controller.said.emit(text)

    # -- the preview -----------------------------------------------------------------------

    @property
    def previewing(self) -> bool:
        """Whether a preview is on its way."""
        return self._timer.isActive() or self._previews.busy

    def watch(self, watched: bool) -> None:
        """Make previews while somebody looks at them."""
        self._watched = watched
        self._preview_soon()

    def _on_edited(self, object_id: int) -> None:
        self._preview_soon()

    def _preview_soon(self) -> None:
        if self._watched:
            self._timer.start()

    def _make_preview(self) -> None:
        """Work the preview out in the background; the last request wins."""
        session, clip = self._controller.session, self._controller.clip
        if session is None or clip is None:
            self.previewed.emit("Nothing yet: open a video and annotate it first.")
        elif self.request is None:
            self.previewed.emit("Choose the folder to export to.")
        elif self._previews.busy:
            self._outdated = True
            self._previews.cancel()
        else:
            request = self._with_mapping(self.request)
            self._previews.start(
                lambda task: _preview(session, clip, request, task),
                self._on_preview,
                self._on_no_preview,
            )

    def _on_preview(self, preview: Preview) -> None:
        # Of the session's own classes: a dataset may know many more.
        classes = {planned.item.class_name for planned in preview.plan.objects}
        mapping = preview.plan.request.mapping
        self._show_classes((), {name: to for name, to in mapping.items() if name in classes})
        self.previewed.emit(preview)
        self._renew_preview()

    def _on_no_preview(self, error: BaseException) -> None:
        if isinstance(error, UnmappedClassError):
            names = ", ".join(error.class_names)
            self._show_classes(error.class_names, {})
            self.previewed.emit(
                f"⚠ AVSBench has no class for: {names}. Export asks what they become."
            )
        elif isinstance(error, TavisError):
            if not isinstance(error, Cancelled):
                self.previewed.emit(f"⚠ {error}")
        else:
            report_error(error)
        self._renew_preview()

    def _show_classes(self, unmapped: tuple[str, ...], known: dict[str, str | None]) -> None:
        self.unmapped, self.known = unmapped, known
        self.changed.emit()

    def _renew_preview(self) -> None:
        if self._outdated:
            self._outdated = False
            self._timer.start()

    def _on_closing(self, window_stays: bool) -> None:
        self._previews.close()
        self._timer.stop()


# -- off the GUI thread ------------------------------------------------------------------------


def _export_saved(
    path: Path, video: Path, requests: list[ExportRequest], task: Task
) -> list[ExportResult]:
    """Export a session as it was saved, so that painting may go on meanwhile."""
    session = AnnotationSession.open(path, video=video, read_only=True)
    results: list[ExportResult] = []
    try:
        for request in requests:
            results.append(export(session, request, task=task))
    except Cancelled:
        if not results:
            raise
    finally:
        session.close()
    return results


def _preview(session: AnnotationSession, clip: Clip, request: ExportRequest, task: Task) -> Preview:
    """Work out what an export will write, and draw some of it."""
    plan = plan_export(session, clip, request)
    places = np.unique(np.linspace(0, len(plan.frames) - 1, PICTURES).round().astype(int))
    pictures = []
    for place in places:
        task.check()
        pictures.append(plan.picture(int(place)))
    return Preview(plan, tuple(pictures))


def _count(found: tuple[Violation, ...]) -> str:
    return f"{len(found)} violation{'' if len(found) == 1 else 's'}."
