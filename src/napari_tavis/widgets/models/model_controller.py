"""Downloads, imports, improves and removes models for the dialog *Models*, which only shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_tavis.core.errors import ChecksumError, TavisError, WeightsError
from napari_tavis.core.home import set_home
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine import import_torch
from napari_tavis.lab.improvement.process import improve_in_process
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest
from napari_tavis.weights import installing, overview
from napari_tavis.weights.downloading import discard
from napari_tavis.weights.files import in_words
from napari_tavis.weights.installing import DEFAULT_DTYPE, download_target
from napari_tavis.weights.sources import SOURCES, Source
from napari_tavis.weights.store import ModelCard, Store
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import JobRunner, Work, report_error

Result = TypeVar("Result")


@dataclass(frozen=True)
class InstallOptions:
    """How a model is to be stored."""

    dtype: str = DEFAULT_DTYPE  # float16, bfloat16 or float32
    image_size: int | None = None  # pixels per side; None: as its file says, or else 224


class ModelController(QObject):
    """Does what the dialog *Models* asks for, one job at a time, even after it was closed."""

    changed = Signal()  # what is there, or what can be done
    models_changed = Signal()  # models were added or removed
    installed = Signal(str)  # name of the model
    improved = Signal(object)  # an `Improvement`
    chosen = Signal(str)  # name of a model that the user wants to segment with
    said = Signal(str)  # a sentence about what was done

    def __init__(self, controller: AnnotationController) -> None:
        super().__init__()
        self.jobs = JobRunner()  # no Qt parent: it must outlive the widgets, to be ended on closing
        self.sources: Mapping[str, Source] = SOURCES
        self.damaged: dict[str, str] = {}  # by name, what `check` found
        self.sizes: dict[str, int] = {}  # by name, in bytes, as far as servers were asked
        self.refused: dict[str, str] = {}  # by name, why a download was not the expected file
        controller.runners.append(self.jobs)
        controller.closing.connect(self._on_closing)
        self.jobs.busy_changed.connect(lambda busy: self.changed.emit())

    # -- what there is ---------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The installed models, wherever they are kept now."""
        return Store()

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be started now, in a sentence; None if it can."""
        return (
            f"Wait for this to finish, or cancel it: {self.jobs.doing}." if self.jobs.busy else None
        )

    def problems(self, cards: Iterable[ModelCard]) -> dict[str, str]:
        """Give what is wrong with each damaged model, by name."""
        return {**self.damaged, **overview.problems(self.store, cards)}

    def offers(self) -> list[overview.Offer]:
        """Give what can be downloaded and is not installed yet."""
        return overview.offers(self.store, self.sources)

    # -- what is done ----------------------------------------------------------------------

    def download(self, source: Source, options: InstallOptions) -> None:
        """Download official weights and install them.

        Asked for again after it was refused, a file is taken although it is not the expected one.
        """
        store, accept_changed = self.store, source.name in self.refused

        def failed(error: BaseException) -> None:
            if isinstance(error, ChecksumError):
                self.refused[source.name] = str(error)
            kept = " The part already downloaded is kept, and the next try goes on from there."
            self._on_failed(error, kept)

        def run(task: Task) -> ModelCard:
            _load_torch(task)
            return installing.download_model(
                store,
                source,
                dtype=options.dtype,
                image_size=options.image_size,
                accept_changed=accept_changed,
                task=task,
            )

        self._start(run, self._on_installed, failed)

    def import_files(
        self, files: Sequence[str], name: str, options: InstallOptions, replace: bool
    ) -> None:
        """Install a model from files, or from parts of models installed before."""
        store = self.store

        def run(task: Task) -> ModelCard:
            _load_torch(task)
            return installing.import_files(
                store,
                files,
                name,
                dtype=options.dtype,
                image_size=options.image_size,
                replace=replace,
                task=task,
            )

        self._start(run, self._on_installed)

    def improve(self, request: ImprovementRequest) -> None:
        """Fine-tune a model on corrected clips, in a process of its own."""

        def run(task: Task) -> Improvement:
            task.report(0, 0, "starting")
            return improve_in_process(request, task)

        def improved(result: Improvement) -> None:
            self._say(str(result))
            show_info(str(result))
            self.models_changed.emit()
            self.changed.emit()
            self.improved.emit(result)

        self._start(run, improved)

    def remove(self, name: str) -> None:
        store = self.store

        def removed(freed: int) -> None:
            self.damaged.pop(name, None)
            self._say(f"{name} was removed, which freed {in_words(freed)}.")
            self.models_changed.emit()
            self.changed.emit()

        self._start(lambda task: store.remove(name), removed)

    def check(self, cards: Sequence[ModelCard]) -> None:
        """Read models' files whole, to find damaged ones."""
        store = self.store

        def run(task: Task) -> dict[str, str]:
            return {card.name: store.verify(card, task) for card in cards}

        def checked(found: dict[str, str]) -> None:
            self.damaged = {**self.damaged, **found}
            self.damaged = {name: problem for name, problem in self.damaged.items() if problem}
            bad = [f"{name} is damaged, {problem}" for name, problem in found.items() if problem]
            whole = f"Checked: {', '.join(found)} as installed."
            self._say(f"{'; '.join(bad)}: install it again." if bad else whole)
            self.changed.emit()

        self._start(run, checked)

    def ask_sizes(self) -> None:
        """Ask the servers how large the files are."""
        sources = [offer.source for offer in self.offers()]

        def answered(sizes: dict[str, int]) -> None:
            self.sizes.update(sizes)
            self.changed.emit()

        self._start(lambda task: overview.ask_sizes(sources, task), answered)

    def discard(self, source: Source) -> None:
        """Delete the part of a download that is there."""
        target = download_target(self.store, source)
        self._start(lambda task: discard(target), lambda _: self.changed.emit())

    def move(self, directory: Path | None) -> None:
        """Keep models in another directory from now on; None for the system's usual place."""
        before = self.store.models
        try:
            set_home(directory)
        except OSError as error:
            report_error(WeightsError(f"The setting cannot be saved: {error.strerror}."))
            return
        self.damaged = {}
        self._say(
            f"Models are kept in {self.store.models} from now on; those in {before} stay there."
        )
        self.models_changed.emit()
        self.changed.emit()

    # -- how it ends -----------------------------------------------------------------------

    def _start(
        self,
        job: Work[Result],
        on_done: Callable[[Result], None],
        on_failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        if not self.jobs.busy:
            self.jobs.start(job, on_done, on_failed or self._on_failed)

    def _on_installed(self, card: ModelCard) -> None:
        self.damaged.pop(card.name, None)
        self.refused.pop(card.name, None)
        how = "It can be chosen as the model now." if card.runs else f"It is {card.note}."
        self._say(f"{card.name} is installed. {how}")
        show_info(f"{card.name} is installed.")
        self.models_changed.emit()
        self.changed.emit()
        self.installed.emit(card.name)

    def _on_failed(self, error: BaseException, kept: str = "") -> None:
        if isinstance(error, Cancelled):
            self._say(f"Cancelled.{kept}")
        else:
            self._say(str(error) if isinstance(error, TavisError) else "Not done; see the error.")
        report_error(error)
        self.changed.emit()

    def _say(self, sentence: str) -> None:
        self.said.emit(sentence)

    def _on_closing(self, window_stays: bool) -> None:
        self.jobs.close()


def _load_torch(task: Task) -> None:
    """Import what converts files: in a job, since it takes seconds, and safely beside Mesa."""
    task.report(0, 0, "loading PyTorch")
    import_torch()
