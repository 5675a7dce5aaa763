"""Real clips through an untrained toy network: what it finds is arbitrary, the way is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import cut_logits, encode_logits, mask_overlap
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.sampling import sample_frames
from napari_tavis.engine.segmenting import check_vocabulary, segment_clip
from napari_tavis.media import log_mel, open_clip
from napari_tavis.model import TAViS, load_model

SIZE = (90, 122)
WORDS = ("dog", "bell", "Theremin")


def run(path: Path, model: TAViS, **options: object) -> Proposals:
    settings: dict = {"vocabulary": WORDS, "device": "cpu"} | options
    with open_clip(path) as clip:
        return segment_clip(clip, model, **settings)


def masks_of(proposals: Proposals, kind: str) -> dict[int, np.ndarray]:
    """All masks of a kind, by frame, laid over each other."""
    union: dict[int, np.ndarray] = {}
    for item in proposals.objects:
        if item.kind == kind:
            for frame, mask in item.masks.items():
                union[frame] = union.get(frame, np.zeros_like(mask)) | mask
    return union


def test_proposals_describe_the_clip(short: Path, model: TAViS) -> None:
    proposals = run(short, model)
    assert proposals.frame_indices.tolist() == [9, 19, 29, 39, 49]
    assert proposals.frame_times.tolist() == pytest.approx([0.9, 1.9, 2.9, 3.9, 4.9])
    assert proposals.frame_size == SIZE
    assert proposals.frame_count == 50
    assert proposals.vocabulary == WORDS
    assert proposals.model_name == "toy"
    assert proposals.objects
    for item in proposals.objects:
        if item.kind == "object":
            assert item.class_name in WORDS
        assert set(item.masks) == set(item.frame_scores) == set(item.logits)
        assert set(item.masks) <= {9, 19, 29, 39, 49}
        assert all(mask.shape == SIZE and mask.any() for mask in item.masks.values())
        assert 0 <= item.score <= 1
        assert item.score == pytest.approx(np.mean(list(item.frame_scores.values())))
    kinds = [item.kind for item in proposals.objects]
    assert kinds == sorted(kinds, key=["object", "background", "scene"].index)
    assert kinds.count("background") <= 5
    assert kinds.count("scene") <= 1
    for kind in ("object", "background"):
        scores = [item.score for item in proposals.objects if item.kind == kind]
        assert scores == sorted(scores, reverse=True)


def test_cutting_the_kept_logits_at_half_gives_the_masks_again(short: Path, model: TAViS) -> None:
    for item in run(short, model).objects:
        for frame, mask in item.masks.items():
            assert np.array_equal(cut_logits(item.logits[frame], SIZE, 0.5), mask)


def test_what_is_held_for_background_is_proposed_as_such(toy_video: Path) -> None:
    proposals = run(toy_video, load_model("toy"), vocabulary=None)
    shown = [item for item in proposals.objects if item.kind == "object"]
    kept = [item for item in proposals.objects if item.kind == "background"]
    assert shown
    assert kept
    assert {item.class_name for item in kept} == {"background"}
    for item in kept:
        for frame, mask in item.masks.items():
            beside = [one.masks[frame] for one in shown if frame in one.masks]
            assert all(mask_overlap(mask, other) < 0.8 for other in beside)


@pytest.mark.parametrize("protocol", ["memory", "independent"])
def test_the_scene_is_what_the_model_says(short: Path, model: TAViS, protocol: str) -> None:
    with open_clip(short) as clip:
        samples = sample_frames(clip)
        frames = np.stack([clip.frames[int(index)] for index in samples.indices])
        mel = log_mel(clip.soundtrack(), samples.starts)
    logits = model.segment(frames, mel, protocol).mask_logits[:, 5]
    expected = {
        int(frame): cut_logits(encode_logits(logits[row].numpy()), SIZE)
        for row, frame in enumerate(samples.indices)
        if (logits[row] > 0).float().mean() >= 0.001
    }
    scene = masks_of(run(short, model, protocol=protocol), "scene")
    assert scene.keys() == expected.keys()
    assert all(np.array_equal(scene[frame], expected[frame]) for frame in expected)


def test_the_same_clip_gives_the_same_proposals(short: Path, model: TAViS) -> None:
    first, second = run(short, model), run(short, model)
    for one, other in zip(first.objects, second.objects, strict=True):
        assert (one.class_name, one.score, one.kind) == (other.class_name, other.score, other.kind)
        assert one.masks.keys() == other.masks.keys()
        assert all(np.array_equal(one.masks[frame], other.masks[frame]) for frame in one.masks)


def test_the_batch_makes_no_difference_without_memory(long: Path, model: TAViS) -> None:
    whole = masks_of(run(long, model, protocol="independent", batch_frames=99), "scene")
    parts = masks_of(run(long, model, protocol="independent", batch_frames=4), "scene")
    assert len(whole) == 13
    assert whole.keys() == parts.keys()
    wrong = [np.count_nonzero(whole[frame] ^ parts[frame]) for frame in whole]
    assert max(wrong) <= 3  # rounding, at pixels whose logit is nearly 0


def test_objects_are_linked_across_batches(long: Path, model: TAViS) -> None:
    proposals = run(long, model, vocabulary=None, batch_frames=5)
    (scene,) = [item for item in proposals.objects if item.kind == "scene"]
    assert sorted(scene.masks) == proposals.frame_indices.tolist()
    objects = [item for item in proposals.objects if item.kind == "object"]
    assert objects
    assert any(min(item.masks) < 50 < max(item.masks) for item in objects)


def test_progress_counts_frames(long: Path, model: TAViS) -> None:
    told: list[tuple[int, int]] = []
    task = Task(lambda done, total, what: told.append((done, total)))
    run(long, model, batch_frames=5, task=task)
    assert told == [(0, 13), (0, 13), (5, 13), (10, 13), (13, 13)]


def test_cancelling_stops_at_the_next_batch(long: Path, model: TAViS) -> None:
    told: list[int] = []

    def progress(done: int, total: int, what: str) -> None:
        told.append(done)
        if done == 5:
            task.cancel()

    task = Task(progress)
    with pytest.raises(Cancelled):
        run(long, model, batch_frames=5, task=task)
    assert told[-1] == 5


def test_cancelling_stops_in_the_middle_of_a_batch(short: Path, model: TAViS) -> None:
    token = Task()
    reached: list[str] = []

    def first(module: torch.nn.Module, inputs: object, output: object) -> None:
        reached.append("sound")
        token.cancel()

    def then(module: torch.nn.Module, inputs: object, output: object) -> None:
        reached.append("masks")

    hooks = [
        model.decomposition.register_forward_hook(first),
        model.sam2.sam_mask_decoder.register_forward_hook(then),
    ]
    try:
        with pytest.raises(Cancelled):
            run(short, model, task=token)
    finally:
        for hook in hooks:
            hook.remove()
    assert reached == ["sound"]


@contextmanager
def small_memory(module: torch.nn.Module, room: int) -> Iterator[list[int]]:
    """Let a part of the network run out of memory when it is given more rows than it has room for.

    Gives the rows that it was asked to take.
    """
    asked: list[int] = []

    def limit(module: torch.nn.Module, inputs: tuple, settings: dict) -> None:
        rows = len(next(iter((*inputs, *settings.values()))))
        asked.append(rows)
        if rows > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = module.register_forward_pre_hook(limit, with_kwargs=True)
    try:
        yield asked
    finally:
        hook.remove()


@pytest.fixture(scope="module")
def scene_in_pairs(long: Path, model: TAViS) -> dict[int, np.ndarray]:
    """The scene masks where two frames are computed at once."""
    return masks_of(run(long, model, batch_frames=2), "scene")


@pytest.mark.parametrize("part", ["sam2.image_encoder", "prompting"])
def test_memory_that_runs_out_halves_the_batch_and_is_told(
    long: Path, model: TAViS, scene_in_pairs: dict[int, np.ndarray], part: str
) -> None:
    expected = scene_in_pairs
    with small_memory(model.get_submodule(part), room=3) as asked:
        proposals = run(long, model)
    assert asked[:3] == [10, 5, 2]
    assert max(asked[2:]) == 2
    assert [warning for warning in proposals.warnings if "2 instead of 10 frames" in warning]
    found = masks_of(proposals, "scene")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[frame], expected[frame]) for frame in expected)


def test_memory_that_runs_out_late_keeps_what_was_found_before(long: Path, model: TAViS) -> None:
    calls: list[int] = []

    def fail_once(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        calls.append(len(inputs[0]))
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.sam2.image_encoder.register_forward_pre_hook(fail_once)
    try:
        proposals = run(long, model, batch_frames=4)
    finally:
        hook.remove()
    assert calls == [4, 4, 4, 4, 1]  # what is kept makes way first: the batch stays whole
    assert sorted(masks_of(proposals, "scene")) == proposals.frame_indices.tolist()


def test_too_little_memory_for_one_frame_is_explained(long: Path, model: TAViS) -> None:
    with (
        small_memory(model.sam2.image_encoder, room=0) as asked,
        pytest.raises(InferenceError, match=r"not enough memory.*'cpu'"),
    ):
        run(long, model)
    assert asked == [10, 5, 2, 1]
    assert run(long, model, count=1).frame_indices.tolist()  # nothing is left broken


def test_no_soundtrack_gives_a_warning_and_a_session_to_paint_in(
    silent_video: Path, model: TAViS
) -> None:
    proposals = run(silent_video, model)
    assert proposals.objects == []
    assert len(proposals.frame_indices) == 5
    assert ["has no soundtrack" in warning for warning in proposals.warnings] == [True]
    session = AnnotationSession.create(silent_video, proposals)
    item = session.add_object("dog")
    session.set_mask(item.object_id, 23, np.ones(session.frame_size))
    session.save()
    assert AnnotationSession.open(silent_video).mask(item.object_id, 23).all()


def test_a_silent_soundtrack_gives_a_warning(
    tmp_path: Path, model: TAViS, write_clip: Callable[..., Path]
) -> None:
    proposals = run(write_clip(tmp_path / "quiet.mp4", 3, loudness=0), model)
    assert proposals.objects == []
    assert ["is silent" in warning for warning in proposals.warnings] == [True]


def test_a_number_of_frames_evenly(long: Path, model: TAViS) -> None:
    assert run(long, model, count=2).frame_indices.tolist() == [60, 125]


def test_in_the_zero_shot_setting_the_picture_has_a_say(short: Path, model: TAViS) -> None:
    heard = run(short, model, count=1, vocabulary=None)
    seen = run(short, model, count=1, vocabulary=None, zero_shot=True)
    (heard_scene,) = [item for item in heard.objects if item.kind == "scene"]
    (seen_scene,) = [item for item in seen.objects if item.kind == "scene"]
    assert np.array_equal(heard_scene.masks[46], seen_scene.masks[46])
    assert heard_scene.score != seen_scene.score


def test_wrong_options_are_explained(short: Path, model: TAViS) -> None:
    with pytest.raises(InferenceError, match="empty"):
        run(short, model, vocabulary=[])
    with pytest.raises(InferenceError, match="frames per second"):
        run(short, model, fps=0)
    with pytest.raises(InferenceError, match="device"):
        run(short, model, device="abacus")


@pytest.mark.parametrize("preset", ["toy_2.1", "toy_sam"])
def test_a_clip_is_segmented_and_clicked_at_on_every_backbone(short: Path, preset: str) -> None:
    torch.manual_seed(0)
    model = TAViS.from_preset(preset, image_size=64)
    with open_clip(short) as clip:
        found = segment_clip(clip, model, count=2, device="cpu")
        assert found.model_name == preset
        assert [item.kind for item in found.objects].count("scene") == 1
        encoder = FrameEncoder(clip, model)
        prompts = Prompts(points=((40.0, 30.0),), labels=(True,))
        assert segment_prompts(encoder, 10, prompts).mask.shape == clip.size


def test_the_vocabulary_is_avsbenchs_by_default() -> None:
    assert check_vocabulary(None) == AVSBENCH_CLASSES[1:]


def test_the_background_is_always_in_play_and_never_named() -> None:
    assert check_vocabulary([" dog", "background", "church  bell"]) == ("dog", "church bell")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "is empty"),
        (["background"], "is empty"),
        (["dog", " "], "empty class name"),
        (["dog", "bell", "dog "], "names dog more than once"),
    ],
)
def test_a_wrong_vocabulary_is_explained(words: list[str], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        check_vocabulary(words)


# Only the allocation of one large result meets the limit: the convolutions below PyTorch crash
# when one of their own small allocations is refused.
SEGMENT = """
import json, resource, sys
from pathlib import Path
import torch
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import open_clip
from napari_tavis.model import load_model

ROOM = 64 * 2**20
SOFT, HARD = resource.getrlimit(resource.RLIMIT_AS)

def begin(_, inputs):
    resource.setrlimit(resource.RLIMIT_AS, (SOFT, HARD))
    batches.append(len(inputs[0]))

def before_large_result(layer, inputs):
    large = inputs[0].numel() // layer.in_features * layer.out_features * 4
    if batches[-1] > 3:
        assert large > ROOM, large
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, HARD))

model, batches = load_model("toy", image_size=1024), []
encoder = model.segmenter.image_encoder
encoder.register_forward_pre_hook(begin)
encoder.trunk.blocks[0].attn.qkv.register_forward_pre_hook(before_large_result)
with open_clip(Path(sys.argv[1])) as clip:
    found = segment_clip(
        clip, model, count=6, device="cpu", vocabulary=("dog",), protocol="independent"
    )
print(json.dumps({"batches": batches, "said": found.warnings}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limit on a process's memory")
def test_the_batch_is_halved_when_the_system_gives_no_more(short: Path) -> None:
    command = [sys.executable, "-c", SEGMENT, str(short)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["batches"] == [6, 3, 3]
    assert any("Memory ran short: 3 instead of" in said for said in told["said"])
