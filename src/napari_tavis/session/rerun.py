"""Taking the proposals of a new run of the model into a session that a person has worked on."""

from __future__ import annotations

from napari_tavis.inference.proposals import Proposals
from napari_tavis.session.errors import SessionError
from napari_tavis.session.matching import match_proposals
from napari_tavis.session.state import SessionState
from napari_tavis.vocabulary import BACKGROUND


def replace_proposals(state: SessionState, proposals: Proposals, replace_edits: bool) -> None:
    """Take a new run's proposals; what a person did survives unless `replace_edits`.

    Parameters
    ----------
    state : SessionState
        What to change.
    proposals : Proposals
        What the model proposes now.
    replace_edits : bool
        Replace what a person did, too.

    Raises
    ------
    SessionError
        If the proposals are for frames of another size.
    """
    if proposals.frame_size != state.frame_size:
        raise SessionError(
            f"The proposals are for frames of {proposals.frame_size}, and this session's video "
            f"{state.video.name} has {state.frame_size}: segment that video again."
        )
    old = list(state.objects.values())
    matches = match_proposals(old, proposals.objects, state.frame_size)
    records = [state.records(proposal) for proposal in proposals.objects]
    state.put_vocabulary(proposals.vocabulary)
    state.frame_indices = proposals.frame_indices
    state.frame_times = proposals.frame_times
    state.model_name = proposals.model_name
    _forget_proposed(state, replace_edits, set(matches.values()))
    for position, proposal in enumerate(proposals.objects):
        if position not in matches:
            state.take(proposal)
            continue
        item = state.objects[matches[position]]
        state.change_object(item.object_id, score=float(proposal.score))
        for frame, record in records[position].items():
            if frame not in item.frames:
                state.put_frame(item.object_id, frame, record)
    for item in list(state.objects.values()):
        if item.kind == "object" and item.class_name != BACKGROUND:
            state.learn(item.class_name)
            color = state.color(item.class_name, item.kind)
            state.change_object(item.object_id, color=color)


def _forget_proposed(state: SessionState, forget_edits: bool, continued: set[int]) -> None:
    """Drop what no person stands behind (or everything), and objects with nothing left."""
    for item in list(state.objects.values()):
        for frame, record in list(item.frames.items()):
            if forget_edits or not record.status.by_person:
                state.put_frame(item.object_id, frame, None)
        kept_by_person = item.named_by_person and not forget_edits
        if not (item.frames or kept_by_person or item.object_id in continued):
            state.drop_object(item.object_id)
