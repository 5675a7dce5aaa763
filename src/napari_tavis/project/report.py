"""Statistics as plain data for a JSON file, and as sentences for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_tavis.annotation import FrameStatus
from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import ProjectError
from napari_tavis.project.agreement import Agreement
from napari_tavis.project.states import QueueState
from napari_tavis.project.statistics import EMPTY, Change, ClipStatistics, Statistics

# the order in which frames are reported by status
FRAME_ORDER = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED, EMPTY)


def as_json(statistics: Statistics) -> dict[str, Any]:
    """Return statistics as plain data; None where there is nothing to compute a number from."""
    time = statistics.time
    return {
        "clips": _by_state(statistics),
        "frames": {str(key): statistics.frames_by_status.get(key, 0) for key in FRAME_ORDER},
        "masks": {str(key): statistics.masks_by_status.get(key, 0) for key in FrameStatus},
        "classes": {
            name: {
                "clips": one.clips,
                "objects": one.objects,
                "masks": one.masks,
                "change": _change(one.change),
            }
            for name, one in statistics.classes.items()
        },
        "rejected_objects": statistics.rejected,
        "minutes": {
            "clips": time.clips,
            "total": time.total,
            "mean_per_clip": time.mean if time.clips else None,
            "median_per_clip": time.median if time.clips else None,
        },
        "change": _change(statistics.change),
        "agreement": {
            "class_kappa": statistics.class_kappa,
            "pairs": [_agreement(one) for one in statistics.agreements],
        },
        "sessions": [_clip(clip) for clip in statistics.clips],
        "unsegmented": [str(video) for video in statistics.unsegmented],
        "problems": list(statistics.problems),
    }


def _by_state(statistics: Statistics) -> dict[str, int]:
    counts = statistics.clips_by_state
    return {str(state): counts.get(state, 0) for state in QueueState if state.workable}


def _change(change: Change) -> dict[str, Any]:
    return {
        "masks": change.masks,
        "mean_iou": change.mean_iou,
        "unchanged": change.unchanged,
        "removed": change.removed,
        "added": change.added,
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "video": agreement.video,
        "sessions": [str(agreement.first), str(agreement.second)],
        "frames": agreement.frames,
        "object_iou": agreement.object_iou,
        "foreground_iou": agreement.foreground_iou,
        "class_share": agreement.class_share,
        "matched": [[one.first_class, one.second_class, one.iou] for one in agreement.matched],
        "first_only": list(agreement.first_only),
        "second_only": list(agreement.second_only),
        "why": agreement.why,
    }


def _clip(clip: ClipStatistics) -> dict[str, Any]:
    return {
        "video": str(clip.video),
        "session": str(clip.session),
        "state": str(clip.state),
        "frames": dict(clip.frames),
        "classes": {name: one.masks for name, one in clip.classes.items()},
        "minutes": clip.seconds / 60,
        "change": _change(clip.change),
    }


def clips_in_words(statistics: Statistics) -> str:
    """Say how far the clips have come, such as ``3 clips: 1 new, 2 done``."""
    counts = statistics.clips_by_state
    parts = [f"{counts[state]} {state}" for state in QueueState if counts.get(state)]
    return f"{count(sum(counts.values()), 'clip')}{': ' if parts else ''}{', '.join(parts)}"


def frames_in_words(statistics: Statistics) -> str:
    counts = statistics.frames_by_status
    parts = [f"{counts[key]} {key}" for key in FRAME_ORDER if counts.get(key)]
    total = count(sum(counts.values()), "sampled frame")
    return f"{total}{': ' if parts else ''}{', '.join(parts)}"


def time_in_words(statistics: Statistics) -> str:
    time = statistics.time
    if not time.clips:
        return "Nobody has worked on a clip yet."
    return (
        f"{time.mean:.1f} minutes per clip (median {time.median:.1f}), "
        f"{time.total:.0f} in all, for {count(time.clips, 'clip')}"
    )


def change_in_words(change: Change) -> str:
    """Say how much of the model's masks people changed."""
    added = f"; {count(change.added, 'mask')} added" if change.added else ""
    if change.mean_iou is None:
        return f"No mask has been checked against a proposal yet{added}."
    removed = f", {change.removed} removed" if change.removed else ""
    return (
        f"IoU {change.mean_iou:.3f} of {count(change.masks, 'checked mask')} with the proposals; "
        f"{change.unchanged} unchanged{removed}{added}"
    )


def agreement_in_words(agreement: Agreement) -> str:
    """Say in one line how far two sessions agree."""
    if agreement.why:
        return agreement.why
    parts = [f"{count(agreement.frames, 'frame')}"]
    if agreement.object_iou is not None and agreement.class_share is not None:
        parts += [
            f"{count(len(agreement.matched), 'matched object')}",
            f"IoU {agreement.object_iou:.3f}",
            f"{agreement.class_share:.0%} of the same class",
        ]
    only = len(agreement.first_only) + len(agreement.second_only)
    if only:
        parts.append(f"{count(only, 'object')} only in one")
    if agreement.foreground_iou is not None:
        parts.append(f"foreground IoU {agreement.foreground_iou:.3f}")
    return ", ".join(parts)


def agreements_in_words(statistics: Statistics) -> str:
    """Say how well people agree over all videos that have two sessions."""
    if not statistics.agreements:
        return "No video has two sessions. Add the folder of a second person to compare them."
    matched = statistics.matched
    if not matched:
        return "No object of two people could be compared yet."
    iou = sum(one.iou for one in matched) / len(matched)
    same = sum(one.first_class == one.second_class for one in matched) / len(matched)
    kappa = statistics.class_kappa
    agreed = "" if kappa is None else f" (Cohen's kappa {kappa:.2f})"
    return f"IoU {iou:.3f} of {count(len(matched), 'object')}, {same:.0%} of the same class{agreed}"


def write_json(file: Path, statistics: Statistics) -> None:
    """Write statistics to a JSON file, whole or not at all; `ProjectError` if the disk refuses."""
    text = json.dumps(as_json(statistics), indent=2, ensure_ascii=False)
    try:
        write_atomically(file, f"{text}\n".encode())
    except OSError as error:
        raise ProjectError(
            f"Cannot write {file} ({error.strerror or error}): choose another place for the "
            f"numbers."
        ) from error


def count(number: int, thing: str) -> str:
    """Return a number with its noun, such as ``1 clip`` or ``2 clips``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
