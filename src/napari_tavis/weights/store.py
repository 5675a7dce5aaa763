"""The installed models: a directory for each, with its weights and its card."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_tavis.core.errors import WeightsError
from napari_tavis.core.files import shown
from napari_tavis.core.home import MODEL_FILE, home
from napari_tavis.core.tasks import Task
from napari_tavis.model.config import PRESETS
from napari_tavis.weights.files import read_json, sha256_of, write_json

CARD_FILE = "card.json"
RESERVED = frozenset(("file", *PRESETS))  # names that mean something else where a model is chosen

# also a safe name of a directory on any system
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_LOCK = ".lock"
_REPLACED = ".replaced-"  # begins the name of a directory with a model that is being replaced


@dataclass(frozen=True)
class ModelCard:
    """What is known about an installed model.

    Kind, preset, size and note are as in `napari_tavis.model.conversion.Conversion`.
    """

    name: str  # what the user calls it
    kind: str
    preset: str
    image_size: int  # default side, in pixels
    dtype: str  # number format of its matrices
    bytes: int  # size of its file
    sha256: str  # of its file
    sources: tuple[str, ...]  # each file or address that it was made from, with its checksum
    licence: str  # names of the licences of the weights inside
    installed: str  # when, ISO 8601
    note: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is a whole model rather than a part of one."""
        return self.kind in ("tavis", "start")


class Store:
    """Installed models, in the user's data folder (`napari_tavis.core.home`) by default."""

    def __init__(self, directory: Path | None = None) -> None:
        self.home = directory or home()
        self.models = self.home / "models"
        self.downloads = self.home / "downloads"

    def cards(self) -> list[ModelCard]:
        """Return the cards of all installed models, by name."""
        names = [entry.name for entry in self.models.iterdir()] if self.models.is_dir() else []
        return [card for name in sorted(names) if (card := self._read_card(name)) is not None]

    def card(self, name: str) -> ModelCard:
        """Return the card of a model; `WeightsError` if it is not installed."""
        found = self._read_card(name) if _NAME.fullmatch(name) else None
        if found is None:
            names = ", ".join(card.name for card in self.cards()) or "none yet"
            raise WeightsError(f"No model '{shown(name)}' is installed; there are: {names}.")
        return found

    def path(self, name: str) -> Path:
        """Return the path of a model's weights, whether it is installed or not."""
        return self.models / name / MODEL_FILE

    def problem(self, card: ModelCard) -> str:
        """Say what is visibly wrong with a model's file; empty if nothing. It is not read."""
        try:
            size = self.path(card.name).stat().st_size
        except OSError:
            return "its file is missing"
        return "" if size == card.bytes else f"its file has {size} instead of {card.bytes} bytes"

    def verify(self, card: ModelCard, task: Task | None = None) -> str:
        """Say what is wrong with a model's file after reading all of it; empty if nothing is."""
        problem = self.problem(card)
        if problem:
            return problem
        same = sha256_of(self.path(card.name), task) == card.sha256
        return "" if same else "its checksum has changed"

    def check_name(self, name: str, replace: bool = False) -> None:
        """Make sure that a model can be installed under a name.

        Raises `WeightsError` if it is not fit for a directory, is taken, or means something else.
        """
        if not _NAME.fullmatch(name) or name.endswith("."):
            raise WeightsError(
                f"'{shown(name)}' is not a name for a model; take up to 100 letters, digits and "
                "_ . + - such as my_s4."
            )
        if name.lower() in RESERVED:
            raise WeightsError(f"The name {name!r} is reserved; choose another one.")
        if not replace and self.holds(name):
            raise WeightsError(
                f"A model {name!r} is installed already; choose another name, or replace it: "
                "--replace."
            )

    def holds(self, name: str) -> bool:
        return _NAME.fullmatch(name) is not None and self._read_card(name) is not None

    @contextlib.contextmanager
    def installing(self, name: str, replace: bool = False) -> Iterator[Path]:
        """Install a model whole or not at all.

        Yields a directory to write ``model.safetensors`` to and, with `write_card`, its card. It
        becomes the model when the block ends, and is deleted if the block fails. Raises
        `WeightsError` if the name is not available, another process is installing, or the disk
        refuses.
        """
        self.check_name(name, replace)
        with self._alone():
            # Not through tempfile, whose directories only their owner may read: others may use
            # a shared data folder.
            folder = self.models / f".installing-{secrets.token_hex(4)}"
            folder.mkdir()
            try:
                yield folder
                self._put(folder, name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self, name: str) -> int:
        """Remove a model, and return how many bytes that frees.

        Raises `WeightsError` if it is not installed, or in use.
        """
        card = self.card(name)
        with self._alone():
            # Renamed before it is deleted, so that a kill leaves no half of a model.
            grave = Path(tempfile.mkdtemp(dir=self.models, prefix=".removed-"))
            try:
                os.replace(self.models / name, grave / name)
            except OSError as error:
                raise WeightsError(
                    f"{name} cannot be removed: {error.strerror}; is it in use?"
                ) from error
            finally:
                shutil.rmtree(grave, ignore_errors=True)
        return card.bytes

    def _put(self, folder: Path, name: str) -> None:
        """Give a finished directory its name, moving aside what had it before."""
        # Aside first, then in place: a kill in between leaves the old one for `_clear` to restore.
        place = self.models / name
        grave = Path(tempfile.mkdtemp(dir=self.models, prefix=_REPLACED))
        try:
            if place.exists():
                os.replace(place, grave / name)
            try:
                os.replace(folder, place)
            except OSError:
                if (grave / name).exists():
                    os.replace(grave / name, place)
                raise
        except OSError as error:
            raise WeightsError(f"{place} cannot be written: {error.strerror}.") from error
        finally:
            shutil.rmtree(grave, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only process that changes models, and clean up after killed ones."""
        try:
            self.models.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.models / _LOCK, timeout=0)
            lock.acquire()
        except Timeout as error:
            raise WeightsError(
                "Another napari-tavis is installing weights; wait for it."
            ) from error
        except OSError as error:
            raise WeightsError(f"{self.models} cannot be used: {error.strerror}.") from error
        try:
            self._clear()
            yield
        finally:
            lock.release()

    def _clear(self) -> None:
        """Delete what a killed process left, after restoring a model it was about to replace."""
        for entry in list(self.models.iterdir()):
            if entry.name.startswith(_REPLACED):
                for old in entry.iterdir():
                    if not (self.models / old.name).exists():
                        os.replace(old, self.models / old.name)
            if entry.name.startswith((".installing-", ".removed-", _REPLACED)):
                shutil.rmtree(entry, ignore_errors=True)

    def _read_card(self, name: str) -> ModelCard | None:
        if name.startswith("."):
            return None
        found = read_json(self.models / name / CARD_FILE)
        known: dict[str, Any] = {field.name: found.get(field.name) for field in fields(ModelCard)}
        known |= {"name": name, "sources": tuple(known["sources"] or ())}
        whole = all(
            isinstance(known[field.name], int if field.name in ("bytes", "image_size") else str)
            for field in fields(ModelCard)
            if field.name != "sources"
        )
        return ModelCard(**known) if whole else None


def write_card(folder: Path, card: ModelCard) -> None:
    write_json(folder / CARD_FILE, asdict(card))


_LONGEST = 60  # characters of a suggested name
_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")


def suggest_name(files: Sequence[str | Path], taken: Collection[str] = ()) -> str:
    """Suggest a free name for a model, made from its files' names; empty without files."""
    stems = [re.sub(r"[^A-Za-z0-9_.+-]+", "_", _stem(Path(file))) for file in files]
    name = "+".join(stems)[:_LONGEST].strip("_.+-")
    if not files:
        return ""
    used = {*(one.lower() for one in taken), *RESERVED}
    name = name or "model"
    candidate, number = name, 2
    while candidate.lower() in used:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _stem(file: Path) -> str:
    """Return a name without its suffix; installed parts have none, but may have dots."""
    return file.stem if file.suffix.lower() in _SUFFIXES else file.name
