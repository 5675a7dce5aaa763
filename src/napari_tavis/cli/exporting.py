"""What the ``export`` command does, session by session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from napari_tavis.annotation import AnnotationSession
from napari_tavis.cli.console import say, tell_failure, terminal_task
from napari_tavis.core.errors import TavisError
from napari_tavis.datasets.avsbench import ClipExistsError
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.datasets.avsbench.mapping import UnmappedClassError, parse_mapping, suggest_class
from napari_tavis.datasets.names import Split
from napari_tavis.exchange.exporting import (
    FORMATS,
    ExportResult,
    changed_exports,
    export,
    note_export,
    rewrite_request,
)
from napari_tavis.exchange.format import ExportRequest, FormatName
from napari_tavis.exchange.selection import MaskSource, UncheckedFramesError


def make_request(
    *,
    dataset: Path | None,
    format: FormatName,
    subset: Subset | None,
    split: Split | None,
    start: float,
    name: str,
    category: str,
    masks: MaskSource,
    mapping: Sequence[str],
    licence: str,
    overwrite: bool,
    include_proposals: bool,
) -> ExportRequest:
    """Make a request from the options of the command.

    Raises `TavisError` if one is missing that the format needs, or makes no sense.
    """
    if dataset is None:
        raise TavisError("--dataset is missing: name the folder to export to.")
    request = ExportRequest(
        root=dataset,
        format=format,
        subset=subset or "v1m",
        split=split or "train",
        name=name,
        start=start,
        masks=masks,
        category=category,
        mapping=parse_mapping(mapping),
        licence=licence,
        overwrite=overwrite,
        include_proposals=include_proposals,
    )
    choices = FORMATS[request.key].choices
    if "subset" in choices and subset is None:
        raise TavisError("--subset is missing: AVSBench has s4, ms3, v1s, v1m and v2.")
    if "split" in choices and split is None:
        raise TavisError("--split is missing: choose train, val or test.")
    return request


def export_sessions(paths: Iterable[Path], request: ExportRequest | None) -> int:
    """Export sessions, given by their files or videos, one by one; return how many failed.

    Without a request, what was exported from each before and has changed since is exported again.
    Raises `Cancelled` after Ctrl+C.
    """
    failed = 0
    said: set[str] = set()
    for path in paths:
        try:
            _export_one(path, request, said)
        except Exception as error:
            tell_failure(error, _hint(error))
            failed += 1
    return failed


def _export_one(path: Path, request: ExportRequest | None, said: set[str]) -> None:
    with closing(AnnotationSession.open(path)) as session:
        if request is not None:
            requests = [request]
        else:
            requests = [rewrite_request(note) for note in changed_exports(session)]
            if not requests:
                say(f"{session.path}: nothing has changed since it was exported.")
        for one in requests:
            with terminal_task() as task:
                result = export(session, one, task=task)
            _report(session, result, said)
            note_export(session, result)
            if not session.read_only:
                session.save()


def _report(session: AnnotationSession, result: ExportResult, said: set[str]) -> None:
    """Say what was written, what became of classes that AVSBench lacks, and what is wrong.

    What applies to several sessions is said once.
    """
    print(result.place)
    classes = {item.class_name for item in session.active_objects}
    for name in classes & set(result.request.mapping):
        target = result.request.mapping[name]
        say(f"{name} is exported as {target}." if target else f"{name} is left out.")
    for warning in (*result.notes, *map(str, result.violations)):
        if warning not in said:
            say(f"warning: {warning}")
            said.add(warning)


def _hint(error: Exception) -> str:
    """Say which option of the command helps."""
    if isinstance(error, ClipExistsError):
        return " Add --overwrite to replace it."
    if isinstance(error, UncheckedFramesError):
        return " Add --include-proposals to write them as truth."
    if isinstance(error, UnmappedClassError):
        name = error.class_names[0]
        return f' Such as: --map "{name}={suggest_class(name) or ""}".'
    return ""
