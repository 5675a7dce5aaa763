"""A session as formats of whole videos have it: tracks with a mask per annotated frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionObject
from napari_tavis.annotation.masks import Mask
from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.names import check_text
from napari_tavis.exchange.selection import (
    MaskSource,
    exportable_objects,
    is_accepted,
    known_frames,
    refuse_nameless,
    unchecked_frames,
)


@dataclass(frozen=True)
class Track:
    """One object through the video.

    Attributes
    ----------
    item : SessionObject
        The object.
    statuses : dict of int to FrameStatus
        How far a person has gone, by frame.
    scores : dict of int to float
        The model's score, 0 to 1, by frame.
    """

    item: SessionObject
    statuses: dict[int, FrameStatus]
    scores: dict[int, float]

    def score(self, frame: int) -> float:
        """Give the score of a frame: the object's, where the frame has none of its own."""
        return self.scores.get(frame, self.item.score)


@dataclass(frozen=True)
class Tracks:
    """What of a session is exported as tracks.

    Attributes
    ----------
    session : AnnotationSession
        Where the masks come from.
    tracks : tuple of Track
        The objects, in the order of the session.
    left_out : tuple of SessionObject
        Objects that are not accepted, where accepted ones are asked for.
    frames : tuple of int
        The annotated frames of the video, ascending: those that were sampled, and those in
        which every track has a status.
    partial : tuple of int
        Frames in which some tracks have a status and others none, so that nobody can say whether
        these are there. They are not among `frames`.
    unchecked : tuple of int
        Those of `frames` for whose labels nobody stands.
    """

    session: AnnotationSession
    tracks: tuple[Track, ...]
    left_out: tuple[SessionObject, ...]
    frames: tuple[int, ...]
    partial: tuple[int, ...]
    unchecked: tuple[int, ...]

    def masks(self, frame: int) -> Iterator[tuple[Track, Mask]]:
        """Give the tracks that have a mask in a frame, with it: bool ``[H, W]``."""
        for track in self.tracks:
            if frame in track.statuses:
                mask = self.session.mask(track.item.object_id, frame)
                if mask.any():
                    yield track, mask


def session_tracks(
    session: AnnotationSession, masks: MaskSource, *, as_truth: bool = True
) -> Tracks:
    """Collect what of a session is exported as tracks.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    masks : {"objects", "accepted"}
        All objects, or those of which a person stands behind every mask.
    as_truth : bool
        Whether others are to learn from it, so that every object needs a class and every frame
        must be annotated whole. A picture of the work shows whatever there is.

    Raises
    ------
    DatasetError
        If there is nothing to export, or an object has no class.
    """
    objects = exportable_objects(session)
    refused = (
        [item for item in objects if not is_accepted(session, item.object_id)]
        if masks == "accepted"
        else []
    )
    taken = [item for item in objects if item not in refused]
    if not taken:
        what = "accepted object" if refused else "object"
        raise DatasetError(
            f"The session of {session.video.name} has no {what} to export: "
            f"{'accept what is right, or export all objects' if refused else 'add one first'}."
        )
    if as_truth:
        check_text(session.video.name, "name of the video")
        refuse_nameless(session, taken)
    tracks = tuple(
        Track(item, session.statuses(item.object_id), session.scores(item.object_id))
        for item in taken
    )
    sampled = {int(frame) for frame in session.frame_indices}
    everything = sampled.union(*(track.statuses for track in tracks))
    frames = set(map(int, known_frames(session, taken, None))) if as_truth else everything
    if not frames:
        raise DatasetError(
            f"The session of {session.video.name} has no frame in which every object is "
            "annotated: segment the video, or paint every object in the same frames."
        )
    ordered = tuple(sorted(frames))
    return Tracks(
        session,
        tracks,
        tuple(refused),
        ordered,
        tuple(sorted(everything - frames)),
        unchecked_frames(session, taken, None, ordered),
    )
