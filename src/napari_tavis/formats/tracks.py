"""A session as formats of whole videos have it: tracks with a mask per annotated frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.selection import MaskSource, exportable_objects, is_accepted
from napari_tavis.inference.masks import Mask
from napari_tavis.session import AnnotationSession, FrameStatus, SessionObject


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
        which a track has a status.
    """

    session: AnnotationSession
    tracks: tuple[Track, ...]
    left_out: tuple[SessionObject, ...]
    frames: tuple[int, ...]

    def masks(self, frame: int) -> Iterator[tuple[Track, Mask]]:
        """Give the tracks that have a mask in a frame, with it: bool ``[H, W]``."""
        for track in self.tracks:
            if frame in track.statuses:
                mask = self.session.mask(track.item.object_id, frame)
                if mask.any():
                    yield track, mask


def session_tracks(session: AnnotationSession, masks: MaskSource) -> Tracks:
    """Collect what of a session is exported as tracks.

    Parameters
    ----------
    session : AnnotationSession
        The session.
    masks : {"objects", "accepted"}
        All objects, or those of which a person stands behind every mask.

    Raises
    ------
    DatasetError
        If there is nothing to export.
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
    tracks = tuple(
        Track(item, session.statuses(item.object_id), session.scores(item.object_id))
        for item in taken
    )
    frames = {int(frame) for frame in session.frame_indices}
    for track in tracks:
        frames |= set(track.statuses)
    return Tracks(session, tracks, tuple(refused), tuple(sorted(frames)))
