"""Installing, downloading and removing models for a window; the dialog only shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_tavis.core.errors import ChecksumError, TavisError, WeightsError
from napari_tavis.core.home import set_home
from napari_tavis.core.tasks import Cancelled
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest
from napari_tavis.weights import overview
from napari_tavis.weights.downloading import discard
from napari_tavis.weights.files import in_words
from napari_tavis.weights.installing import download_target
from napari_tavis.weights.sources import SOURCES, Source
from napari_tavis.weights.store import ModelCard, Store
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import JobRunner, Work, report_error
from napari_tavis.widgets.models import work
from napari_tavis.widgets.models.work import InstallOptions

Result = TypeVar("Result")


class ModelWork(QObject):
    """Does what the dialog *Models* asks for, one thing at a time, also while it is closed.

    Parameters
    ----------
    controller : AnnotationController
        Asks before it closes on a running download, and ends it.

    Attributes
    ----------
    changed : Signal
        What is there, or what can be done, has changed.
    models_changed : Signal
        Models came or went.
    installed : Signal
        Emitted with the name of a model that was installed.
    improved : Signal
        Emitted with the `Improvement` that came of corrected clips.
    chosen : Signal
        Emitted with the name of a model that the user wants to segment with.
    said : Signal
        Emitted with a sentence about what was done.
    jobs : JobRunner
        Runs the work; reports progress.
    sources : mapping of str to Source
        What can be downloaded.
    damaged : dict of str to str
        What is wrong with models, found by reading all of them.
    sizes : dict of str to int
        Bytes of what can be downloaded, as far as servers were asked.
    refused : dict of str to str
        Why a download was refused whose file is not the one expected.
    """

    changed = Signal()
    models_changed = Signal()
    installed = Signal(str)
    improved = Signal(object)
    chosen = Signal(str)
    said = Signal(str)

    def __init__(self, controller: AnnotationController) -> None:
        super().__init__()
        self.jobs = JobRunner()  # outlives the widgets, to be ended when they are gone
        self.sources: Mapping[str, Source] = SOURCES
        self.damaged: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        controller.runners.append(self.jobs)
        controller.closing.connect(self._on_closing)
        self.jobs.busy_changed.connect(lambda busy: self.changed.emit())

    # -- what there is ---------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The installed models, where they lie now."""
        return Store()

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be begun now; None if it can."""
        return f"Wait for the end of {self.jobs.doing}, or cancel it." if self.jobs.busy else None

    def problems(self, cards: Iterable[ModelCard]) -> dict[str, str]:
        """Say what is wrong with models, by the names of those that are damaged."""
        return {**self.damaged, **overview.problems(self.store, cards)}

    def offers(self) -> list[overview.Offer]:
        """Give what can be downloaded and is not installed."""
        return overview.offers(self.store, self.sources)

    # -- what is done ----------------------------------------------------------------------

    def download(self, source: Source, options: InstallOptions) -> None:
        """Download official weights and install them; takes a file that was refused before."""
        store, accept_changed = self.store, source.name in self.refused

        def failed(error: BaseException) -> None:
            if isinstance(error, ChecksumError):
                self.refused[source.name] = str(error)
            kept = " What has come is kept; the next download goes on from there."
            self._on_failed(error, kept)

        self._start(
            lambda task: work.download_model(store, source, options, accept_changed, task),
            self._on_installed,
            failed,
        )

    def import_files(
        self, files: Sequence[str], name: str, options: InstallOptions, replace: bool
    ) -> None:
        """Install a model from files."""
        store = self.store
        self._start(
            lambda task: work.import_files(store, files, name, options, replace, task),
            self._on_installed,
        )

    def improve(self, request: ImprovementRequest) -> None:
        """Fine-tune a model on corrected clips, in a process of its own."""

        def improved(result: Improvement) -> None:
            self._say(str(result))
            show_info(str(result))
            self.models_changed.emit()
            self.changed.emit()
            self.improved.emit(result)

        self._start(lambda task: work.improve_model(request, task), improved)

    def remove(self, name: str) -> None:
        """Remove a model from the disk."""
        store = self.store

        def removed(freed: int) -> None:
            self.damaged.pop(name, None)
            self._say(f"{name} is removed, {in_words(freed)} are free again.")
            self.models_changed.emit()
            self.changed.emit()

        self._start(lambda task: store.remove(name), removed)

    def check(self, cards: Sequence[ModelCard]) -> None:
        """Read all of models' files, to find damaged ones."""
        store = self.store

        def checked(found: dict[str, str]) -> None:
            self.damaged = {**self.damaged, **found}
            self.damaged = {name: problem for name, problem in self.damaged.items() if problem}
            bad = [f"{name} is damaged, {problem}" for name, problem in found.items() if problem]
            whole = f"Checked: {', '.join(found)} as installed."
            self._say(f"{'; '.join(bad)}: install it again." if bad else whole)
            self.changed.emit()

        self._start(lambda task: work.check_models(store, cards, task), checked)

    def ask_sizes(self) -> None:
        """Ask the servers how large the files are."""
        sources = [offer.source for offer in self.offers()]

        def answered(sizes: dict[str, int]) -> None:
            self.sizes.update(sizes)
            self.changed.emit()

        self._start(lambda task: overview.ask_sizes(sources, task), answered)

    def discard(self, source: Source) -> None:
        """Delete what has come of a download."""
        target = download_target(self.store, source)
        self._start(lambda task: discard(target), lambda _: self.changed.emit())

    def move(self, directory: Path | None) -> None:
        """Keep models in another directory from now on; None for the system's own place."""
        before = self.store.models
        try:
            set_home(directory)
        except OSError as error:
            report_error(WeightsError(f"The setting cannot be written: {error.strerror}."))
            return
        self.damaged = {}
        self._say(f"Models lie in {self.store.models} from now on; those in {before} stay there.")
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
