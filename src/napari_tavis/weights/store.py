"""The installed models: a directory for each, with its weights and its card."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
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
RESERVED = frozenset(("file", *PRESETS))
"""Names that mean something else where a model is chosen."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_LOCK = ".lock"
_REPLACED = ".replaced-"


@dataclass(frozen=True)
class ModelCard:
    """What is known about an installed model.

    Parameters
    ----------
    name : str
        What the user calls it.
    kind, preset, image_size, note
        As in `napari_tavis.model.conversion.Conversion`.
    dtype : str
        Number format of its matrices.
    bytes : int
        Size of its file.
    sha256 : str
        Checksum of its file.
    sources : tuple of str
        Each file or address that it was made of, with its checksum.
    licence : str
        Names of the licences of the weights inside.
    installed : str
        Day and time, ISO 8601.
    """

    name: str
    kind: str
    preset: str
    image_size: int
    dtype: str
    bytes: int
    sha256: str
    sources: tuple[str, ...]
    licence: str
    installed: str
    note: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is a whole model rather than a part of one."""
        return self.kind in ("tavis", "start")


class Store:
    """Installed models.

    Parameters
    ----------
    directory : Path, optional
        The user's directory; `napari_tavis.core.home.home` by default.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.home = directory or home()
        self.models = self.home / "models"
        self.downloads = self.home / "downloads"

    def cards(self) -> list[ModelCard]:
        """Give the cards of all installed models, by name."""
        names = (
            sorted(entry.name for entry in self.models.iterdir()) if self.models.is_dir() else ()
        )
        return [card for name in sorted(names) if (card := self._read_card(name)) is not None]

    def card(self, name: str) -> ModelCard:
        """Give the card of a model.

        Raises
        ------
        WeightsError
            If it is not installed.
        """
        found = self._read_card(name) if _NAME.fullmatch(name) else None
        if found is None:
            names = ", ".join(card.name for card in self.cards()) or "none yet"
            raise WeightsError(f"No model '{shown(name)}' is installed; there are: {names}.")
        return found

    def path(self, name: str) -> Path:
        """Give the path of a model's weights, whether it is installed or not."""
        return self.models / name / MODEL_FILE

    def problem(self, card: ModelCard) -> str:
        """Say what is wrong with a model's file at a glance; empty if nothing is."""
        try:
            size = self.path(card.name).stat().st_size
        except OSError:
            return "its file is missing"
        return "" if size == card.bytes else f"its file has {size} instead of {card.bytes} bytes"

    def verify(self, card: ModelCard, task: Task | None = None) -> str:
        """Say what is wrong with a model's file, having read all of it; empty if nothing is."""
        problem = self.problem(card)
        if problem:
            return problem
        same = sha256_of(self.path(card.name), task) == card.sha256
        return "" if same else "its checksum has changed"

    def check_name(self, name: str, replace: bool = False) -> None:
        """Make sure that a model can be installed under a name.

        Raises
        ------
        WeightsError
            If the name is no name for a directory, is taken, or means something else.
        """
        if not _NAME.fullmatch(name) or name.endswith("."):
            raise WeightsError(
                f"'{shown(name)}' cannot name a model; use up to 100 letters, digits and "
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
        """Tell whether a model of this name is installed."""
        return _NAME.fullmatch(name) is not None and self._read_card(name) is not None

    @contextlib.contextmanager
    def installing(self, name: str, replace: bool = False) -> Iterator[Path]:
        """Install a model whole or not at all.

        Parameters
        ----------
        name : str
            The model's.
        replace : bool
            Whether there may be one of this name.

        Yields
        ------
        Path
            A directory to write ``model.safetensors`` to and, with `write_card`, its card. It
            becomes the model when the block ends, and is gone if the block fails.

        Raises
        ------
        WeightsError
            If the name cannot be had, another process installs, or the disk refuses.
        """
        self.check_name(name, replace)
        with self._alone():
            # not through tempfile, whose directories only their owner may read
            folder = self.models / f".installing-{secrets.token_hex(4)}"
            folder.mkdir()
            try:
                yield folder
                self._put(folder, name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self, name: str) -> int:
        """Remove a model, and give the bytes that are free now.

        Raises
        ------
        WeightsError
            If it is not installed, or in use.
        """
        card = self.card(name)
        with self._alone():
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
        """Give a finished directory its name; what had it before makes room."""
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
        """Be the only process that changes models, and clear what a killed one left."""
        try:
            self.models.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.models / _LOCK, timeout=0)
            lock.acquire()
        except Timeout as error:
            raise WeightsError(
                "Another napari-tavis is installing weights; wait for it to finish."
            ) from error
        except OSError as error:
            raise WeightsError(f"{self.models} cannot be used: {error.strerror}.") from error
        try:
            self._clear()
            yield
        finally:
            lock.release()

    def _clear(self) -> None:
        """Clear what a killed process left; what it was about to replace takes its place again."""
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
    """Write the card of a model into its directory."""
    write_json(folder / CARD_FILE, asdict(card))
