"""The detections of all frames, gathered into proposals. No torch here."""

from __future__ import annotations

from collections.abc import Iterable

from napari_tavis.annotation.linking import Detection, Linker, Track
from napari_tavis.annotation.masks import PackedMasks
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposal
from napari_tavis.core.vocabulary import BACKGROUND

MOST_BACKGROUND = 5
"""Background proposals that are kept: one per query, the best."""


class Gathering:
    """Links objects and background queries over time, each apart, and keeps the scene beside.

    Parameters
    ----------
    size : tuple of int
        Height and width of the video's frames, in pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._objects = Linker()
        self._background = Linker()
        self._scene: Track | None = None

    def add_frame(
        self,
        objects: Iterable[Detection],
        background: Iterable[Detection],
        scene: Detection | None,
    ) -> None:
        """Add the detections of the next frame.

        Parameters
        ----------
        objects : iterable of Detection
            What sounds.
        background : iterable of Detection
            What the model holds for background.
        scene : Detection or None
            Everything that sounds in one mask.
        """
        self._objects.add_frame(objects)
        self._background.add_frame(background)
        if scene is not None:
            self._scene = self._scene or Track(scene)
            self._scene.add(scene)

    def proposals(self) -> list[Proposal]:
        """Give the objects, best first, then `MOST_BACKGROUND` others at most, then the scene."""
        found = [self._proposal(track, track.class_name) for track in _ranked(self._objects)]
        for track in _ranked(self._background)[:MOST_BACKGROUND]:
            found.append(self._proposal(track, BACKGROUND, "background"))
        if self._scene is not None:
            found.append(self._proposal(self._scene, SCENE_NAME, "scene"))
        return found

    def _proposal(self, track: Track, name: str, kind: ObjectKind = "object") -> Proposal:
        masks = PackedMasks(self._size)
        for frame, png in track.pngs.items():
            masks.put_encoded(frame, png)
        return Proposal(name, track.score, masks, dict(track.scores), kind, dict(track.logits))


def _ranked(linker: Linker) -> list[Track]:
    return sorted(linker.tracks, key=lambda track: track.score, reverse=True)
