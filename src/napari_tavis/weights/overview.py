"""What is installed and what can be downloaded, for the command line and the dialog alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from napari_tavis.core.errors import DownloadError
from napari_tavis.core.tasks import Task
from napari_tavis.weights.downloading import Unfinished, ask_size, unfinished
from napari_tavis.weights.files import in_words
from napari_tavis.weights.installing import download_target
from napari_tavis.weights.sources import SOURCES, Source
from napari_tavis.weights.store import ModelCard, Store


@dataclass(frozen=True)
class Offer:
    """Official weights that are not installed under their name."""

    source: Source
    unfinished: Unfinished | None  # what a download has left


def offers(store: Store, sources: Mapping[str, Source] = SOURCES) -> list[Offer]:
    """Return the official weights that are not installed."""
    installed = {card.name for card in store.cards()}
    return [
        Offer(source, unfinished(download_target(store, source)))
        for source in sources.values()
        if source.name not in installed
    ]


def ask_sizes(sources: Iterable[Source], task: Task | None = None) -> dict[str, int]:
    """Ask the servers how many bytes official weights have; return what they say, by name.

    Left out are those without an address and those whose server cannot be reached or does not say.
    Raises `DownloadError` if no server can be reached, and `Cancelled`.
    """
    task = task or Task()
    asked = [source for source in sources if source.url]
    sizes: dict[str, int] = {}
    failed: dict[str, DownloadError] = {}
    for number, source in enumerate(asked):
        task.report(number, len(asked), "asking for sizes")
        host = urlsplit(source.url).netloc
        if host in failed:  # one timeout per server is enough
            continue
        try:
            size = ask_size(source.url, task)
        except DownloadError as error:
            failed[host] = error
            continue
        if size is not None:
            sizes[source.name] = size
    if failed and not sizes:
        raise next(iter(failed.values()))
    return sizes


def problems(store: Store, cards: Iterable[ModelCard]) -> dict[str, str]:
    """Return what is visibly wrong with models, by name; sound ones are left out."""
    return {card.name: found for card in cards if (found := store.problem(card))}


def sizes_in_words(card: ModelCard) -> str:
    """Describe a model's size, such as ``large, 224 pixels, float16``."""
    pixels = f"{card.image_size} pixels, " if card.runs else ""
    return f"{card.preset}, {pixels}{card.dtype}"


def facts(store: Store, card: ModelCard) -> list[tuple[str, str]]:
    """Return what else is known about a model, as labels and texts."""
    return [
        *(("from", source) for source in card.sources),
        ("SHA-256", card.sha256),
        ("licence", card.licence),
        ("file", str(store.path(card.name))),
    ]


def progress_in_words(partial: Unfinished | None) -> str:
    """Say how much of a file has arrived, such as ``1.20 GB of 5.90 GB``; empty if nothing."""
    if partial is None:
        return ""
    whole = "" if partial.total is None else f" of {in_words(partial.total)}"
    return in_words(partial.done) + whole
