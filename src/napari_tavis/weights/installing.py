"""Installing models from the user's files and from the official addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from napari_tavis.core.errors import (
    CheckpointError,
    CheckpointWriteError,
    ChecksumError,
    DownloadError,
    WeightsError,
)
from napari_tavis.core.files import is_file, shown
from napari_tavis.core.home import MODEL_FILE
from napari_tavis.core.tasks import Task
from napari_tavis.weights.downloading import PAUSES, download
from napari_tavis.weights.files import read_json, require_space, sha256_of, write_json
from napari_tavis.weights.licences import licences_of
from napari_tavis.weights.sources import Source, by_hand
from napari_tavis.weights.store import ModelCard, Store, write_card

DTYPES = ("float16", "bfloat16", "float32")  # number formats of a model's matrices
DEFAULT_DTYPE = "float16"
_CHECKSUMS = "checksums.json"  # of first downloads, by source, where none is published


def import_files(
    store: Store,
    files: Sequence[str | Path],
    name: str,
    *,
    dtype: str = DEFAULT_DTYPE,
    image_size: int | None = None,
    replace: bool = False,
    origin: str = "",
    task: Task | None = None,
) -> ModelCard:
    """Install a model from files and return its card.

    `files` is one checkpoint of TAViS; or one of SAM 2 and one of ImageBind; or one of these
    alone, to be joined later. An installed part may be given by its name. `image_size` is the
    model's default side in pixels; None means 224. `origin` says in words where the files come
    from, and is noted before their names.

    Raises `WeightsError` if the name is not available or the disk has no room, `CheckpointError`
    if a file is damaged, incomplete or something else (it names what is missing), and `Cancelled`.
    Nothing is installed then.
    """
    task = task or Task()
    store.check_name(name, replace)
    paths = [_locate(store, file) for file in files]
    sources = tuple(
        f"{path.name if path.parent.parent != store.models else path.parent.name}, "
        f"SHA-256 {sha256_of(path, task)}"
        for path in paths
    )
    sources = (origin, *sources) if origin else sources
    return _install(store, paths, name, sources, dtype, image_size, replace, task)


def download_model(
    store: Store,
    source: Source,
    name: str | None = None,
    *,
    dtype: str = DEFAULT_DTYPE,
    image_size: int | None = None,
    replace: bool = False,
    accept_changed: bool = False,
    pauses: Sequence[float] = PAUSES,
    task: Task | None = None,
) -> ModelCard:
    """Download official weights and install them.

    The file's checksum is compared with the published one; where there is none, the first
    download's is recorded and all later ones are compared with that. `accept_changed` takes the
    file, and records its checksum, even if it is another than before. The name is the source's by
    default; `dtype`, `image_size`, `replace` are as in `import_files`, `pauses` as in `download`.
    After a cancel, what has arrived is kept, and the next download resumes there.

    Raises `DownloadError` if the file cannot be downloaded (it says how a person gets it, where
    that helps), and what `import_files` does.
    """
    task = task or Task()
    name = source.name if name is None else name
    if not source.url:
        raise DownloadError(f"{source.title} has no direct address: {by_hand(source)}.")
    store.check_name(name, replace)
    require_space(store.downloads, 0, source.name)
    target = download_target(store, source)
    recorded = read_json(store.home / _CHECKSUMS)
    expected = "" if accept_changed else source.sha256 or recorded.get(source.name, "")
    try:
        with FileLock(store.downloads / f".{source.name}.lock", timeout=0):
            sha256 = download(source.url, target, sha256=expected, pauses=pauses, task=task)
            sources = (f"{source.url}, SHA-256 {sha256}",)
            try:
                card = _install(store, [target], name, sources, dtype, image_size, replace, task)
            except CheckpointWriteError:
                raise
            except CheckpointError:
                if not expected:  # nothing says that it is the right file: get it anew next time
                    target.unlink()
                raise
            write_json(store.home / _CHECKSUMS, {**recorded, source.name: sha256})
            target.unlink(missing_ok=True)
    except Timeout as error:
        raise DownloadError(f"{source.name} is being downloaded already; wait for it.") from error
    except ChecksumError as error:
        raise ChecksumError(
            f"{error} If its authors have changed it, accept it with --accept-changed."
        ) from error
    except DownloadError as error:
        raise DownloadError(f"{error} Or {by_hand(source)}.") from error
    return card


def download_target(store: Store, source: Source) -> Path:
    """Return the file that weights are downloaded to; it is deleted once they are installed."""
    return store.downloads / source.file_name


def _install(
    store: Store,
    paths: Sequence[Path],
    name: str,
    sources: tuple[str, ...],
    dtype: str,
    image_size: int | None,
    replace: bool,
    task: Task,
) -> ModelCard:
    """Convert files, and put the result where models are."""
    room = sum(path.stat().st_size for path in paths)
    # Matrices, nearly all of a model, are halved; float32 is what the authors' files hold.
    require_space(store.models, room if dtype == "float32" else room // 2, name)
    with store.installing(name, replace) as folder:
        task.report(0, 0, f"reading {', '.join(path.name for path in paths)}")
        task.check()
        from napari_tavis.model.conversion import convert

        written = folder / MODEL_FILE
        found = convert(
            paths,
            written,
            dtype=dtype,
            image_size=image_size,
            task=task.part(
                lambda done, total, _: task.report(done, total, f"converting {name}, MB")
            ),
        )
        licences = licences_of(found.kind, found.segmenter)
        card = ModelCard(
            name=name,
            kind=found.kind,
            preset=found.preset,
            image_size=found.image_size,
            dtype=dtype,
            bytes=written.stat().st_size,
            sha256=sha256_of(written, task),
            sources=sources,
            licence="; ".join(f"{one.work} {one.name}" for one in licences),
            installed=datetime.now(UTC).isoformat(timespec="seconds"),
            note=found.note,
        )
        write_card(folder, card)
    return card


def _locate(store: Store, file: str | Path) -> Path:
    """Find a file, or the file of an installed part."""
    path = Path(file)
    if is_file(path):
        return path
    if store.holds(str(file)) and is_file(installed := store.path(str(file))):
        return installed
    raise WeightsError(f"There is neither a file nor an installed model {shown(file)}.")
