"""What the model proposes, kept beside what a person did; masks by the dozen; thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession, FrameStatus, SessionChange
from napari_tavis.annotation.masks import PackedMasks, cut_logits, encode_logits
from napari_tavis.annotation.proposals import Proposal

from .conftest import SIZE, box, change, make_proposals, reopened


@pytest.fixture
def cat_logits() -> dict[int, bytes]:
    """A slope of log-odds per frame, at half of the video's size."""
    slope = np.linspace(-6, 6, 20, dtype=np.float32)
    return {
        frame: encode_logits(np.broadcast_to(slope + shift, (12, 20)))
        for frame, shift in ((28, 0.0), (58, 1.0), (88, 2.0))
    }


@pytest.fixture
def cat(video: Path, cat_logits: dict[int, bytes]) -> AnnotationSession:
    masks = {frame: cut_logits(data, SIZE) for frame, data in cat_logits.items()}
    proposal = Proposal("cat", 0.5, masks, dict.fromkeys(masks, 0.5), logits=cat_logits)
    return AnnotationSession.create(video, make_proposals(proposal))


def test_proposed_masks_pass_over_a_persons_frames(session: AnnotationSession) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.accept(1, 58)
    masks = {frame: box(2, 2) for frame in (28, 58, 60, 88)}
    written = session.propose_masks(1, masks, scores={60: 0.9})
    assert written == [60, 88]
    assert np.array_equal(session.mask(1, 28), box(0, 0))
    assert np.array_equal(session.mask(1, 58), box(4, 3))
    assert np.array_equal(session.mask(1, 60), box(2, 2))
    assert session.statuses(1) == {
        28: FrameStatus.EDITED,
        58: FrameStatus.ACCEPTED,
        60: FrameStatus.PROPOSED,
        88: FrameStatus.PROPOSED,
    }
    assert session.scores(1) == {28: 0.75, 58: 0.75, 60: 0.9}
    assert session.undo_label == "Propagate"


def test_many_masks_are_one_step_and_one_message(session: AnnotationSession) -> None:
    heard: list[SessionChange] = []
    session.changed.connect(heard.append)
    session.set_masks(1, {40: box(0, 0), 41: box(1, 1)}, label="Interpolate")
    session.propose_masks(1, {50: box(0, 0)})
    assert heard == [SessionChange("mask", 1), SessionChange("mask", 1, 50)]
    assert session.status(1, 41) is FrameStatus.EDITED
    session.undo()
    step = session.undo()
    assert step is not None
    assert (step.label, step.frame_index) == ("Interpolate", 40)
    assert session.annotated_frames(1) == [28, 58, 88]


def test_packed_masks_are_taken_as_they_are(session: AnnotationSession, video: Path) -> None:
    masks = PackedMasks(SIZE, {40: box(0, 0), 41: np.zeros(SIZE, dtype=bool)})
    assert session.propose_masks(1, masks) == [40, 41]
    assert session.object(1).frames[40].png == masks.encoded(40)
    assert session.object(1).frames[41].empty
    session.save()
    assert np.array_equal(reopened(video).mask(1, 40), box(0, 0))
    with pytest.raises(ValueError, match="4, 4"):
        session.propose_masks(1, PackedMasks((4, 4), {40: np.ones((4, 4), dtype=bool)}))


@pytest.mark.parametrize("frame", [-1, 150])
def test_masks_outside_the_video_are_refused_as_a_whole(
    session: AnnotationSession, frame: int
) -> None:
    with pytest.raises(IndexError, match="149"):
        session.propose_masks(1, {40: box(0, 0), frame: box(0, 0)})
    with pytest.raises(IndexError, match="149"):
        session.set_masks(1, {40: box(0, 0), frame: box(0, 0)}, label="Interpolate")
    assert session.annotated_frames(1) == [28, 58, 88]


def test_the_proposal_is_kept_under_an_edit(session: AnnotationSession, video: Path) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.set_mask(1, 28, box(1, 1))
    session.accept(1, 58)
    session.set_mask(1, 40, box(2, 2))
    session.save()
    session.close()
    again = AnnotationSession.open(video)
    assert np.array_equal(again.proposal_mask(1, 28), box(4, 2))
    assert np.array_equal(again.proposal_mask(1, 58), box(4, 3))
    assert np.array_equal(again.proposal_mask(1, 88), box(4, 4))
    assert again.proposal_mask(1, 40) is None
    assert again.proposal_mask(1, 41) is None


def test_an_edit_can_be_taken_back_to_the_proposal(session: AnnotationSession, video: Path) -> None:
    session.set_mask(1, 28, box(0, 0))
    session.accept(1, 28)
    session.set_mask(1, 40, box(2, 2))
    session.revert(1, 28)
    session.revert(1, 40)
    assert session.status(1, 28) is FrameStatus.PROPOSED
    assert np.array_equal(session.mask(1, 28), box(4, 2))
    assert session.scores(1)[28] == 0.75
    assert session.status(1, 40) is None
    session.undo()
    session.undo()
    assert session.status(1, 28) is FrameStatus.ACCEPTED
    assert np.array_equal(session.mask(1, 28), box(0, 0))


def test_a_threshold_cuts_the_logits_and_half_gives_the_models_masks(
    cat: AnnotationSession, cat_logits: dict[int, bytes]
) -> None:
    models = {frame: cat.mask(1, frame) for frame in cat_logits}
    assert cat.has_logits(1)
    for threshold in (0.9, 0.1, 0.0, 1.0):
        cat.set_threshold(1, threshold)
        for frame, data in cat_logits.items():
            assert np.array_equal(cat.mask(1, frame), cut_logits(data, SIZE, threshold))
    assert cat.threshold(1) == 1.0
    cat.set_threshold(1, 0.5)
    for frame in cat_logits:
        assert np.array_equal(cat.mask(1, frame), models[frame])


def test_a_threshold_leaves_a_persons_frames(cat: AnnotationSession) -> None:
    cat.set_mask(1, 28, box(0, 0))
    cat.accept(1, 58)
    accepted = cat.mask(1, 58)
    cat.set_threshold(1, 0.9)
    assert np.array_equal(cat.mask(1, 28), box(0, 0))
    assert np.array_equal(cat.mask(1, 58), accepted)
    cat.accept(1)
    assert not cat.has_logits(1)


def test_what_is_accepted_is_what_was_shown(
    cat: AnnotationSession, cat_logits: dict[int, bytes], video: Path
) -> None:
    models = cat.mask(1, 28)
    cat.set_threshold(1, 0.9)
    shown = cat.mask(1, 28)
    assert not np.array_equal(shown, models)
    cat.accept(1, 28)
    cat.set_threshold(1, 0.2)
    assert np.array_equal(cat.mask(1, 28), shown)
    assert np.array_equal(cat.proposal_mask(1, 28), models)
    cat.save()
    assert np.array_equal(reopened(video).mask(1, 28), shown)
    assert np.array_equal(reopened(video).proposal_mask(1, 28), models)
    cat.revert(1, 28)
    assert np.array_equal(cat.mask(1, 28), cut_logits(cat_logits[28], SIZE, 0.2))


def test_logits_and_threshold_are_kept_on_the_disk(
    cat: AnnotationSession, cat_logits: dict[int, bytes], video: Path
) -> None:
    cat.set_threshold(1, 0.8)
    cat.save()
    again = reopened(video)
    assert again.threshold(1) == 0.8
    assert again.has_logits(1)
    assert np.array_equal(again.mask(1, 58), cut_logits(cat_logits[58], SIZE, 0.8))


def test_merged_objects_look_as_they_did_before(video: Path, cat_logits: dict[int, bytes]) -> None:
    masks = {28: cut_logits(cat_logits[28], SIZE)}
    logits = {28: cat_logits[28]}
    later = Proposal("dog", 0.4, {58: cut_logits(cat_logits[58], SIZE)}, logits=cat_logits)
    first = Proposal("cat", 0.5, masks, logits=logits)
    session = AnnotationSession.create(video, make_proposals(first, later))
    session.set_threshold(1, 0.9)
    session.set_threshold(2, 0.2)
    shown = session.mask(1, 28), session.mask(2, 58)
    session.merge(1, 2)
    assert np.array_equal(session.mask(1, 28), shown[0])
    assert np.array_equal(session.mask(1, 58), shown[1])


def test_a_proposal_without_logits_has_no_threshold(session: AnnotationSession) -> None:
    assert not session.has_logits(1)
    session.set_threshold(1, 0.99)
    assert np.array_equal(session.mask(1, 28), box(4, 2))
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            session.set_threshold(1, value)


def test_a_new_propagation_forgets_the_logits_it_replaces(cat: AnnotationSession) -> None:
    cat.set_threshold(1, 0.9)
    cat.propose_masks(1, {28: box(0, 0)})
    assert np.array_equal(cat.mask(1, 28), box(0, 0))


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damaged_logits_leave_the_models_mask(
    cat: AnnotationSession, cat_logits: dict[int, bytes], video: Path, damage: str
) -> None:
    models = cat.mask(1, 58)
    cat.set_threshold(1, 0.9)
    cat.save()
    cat.close()
    named = "digest=(SELECT logits FROM frames WHERE frame=58)"
    if damage == "gone":
        change(video, f"DELETE FROM pictures WHERE {named}")
    else:
        change(video, f"UPDATE pictures SET data=substr(data, 1, 30) WHERE {named}")
    again = reopened(video)
    assert np.array_equal(again.mask(1, 58), models)
    assert ["in frame 58" in warning for warning in again.warnings] == [True]
    assert np.array_equal(again.mask(1, 88), cut_logits(cat_logits[88], SIZE, 0.9))
