"""Frames are encoded once, in time for clicks: an untrained toy network on a real clip."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.tasks import Task
from napari_tavis.engine.encoding import FEWEST_KEPT, LIMITS, FeatureCache, FrameEncoder
from napari_tavis.engine.prompting import segment_prompts
from napari_tavis.engine.sampling import sample_frames
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.media import Clip, log_mel, open_clip
from napari_tavis.model import TAViS

from .conftest import failing

ENCODERS = {
    "audio": "imagebind.modality_trunks.audio",
    "vision": "imagebind.modality_trunks.vision",
    "text": "imagebind.modality_trunks.text",
    "image": "sam2.image_encoder",
    "decomposition": "decomposition",
}
SAMPLED = [9, 19, 29, 39, 49]
CLICK = Prompts(points=((40.0, 20.0),), labels=(True,))


@contextmanager
def counting(model: TAViS) -> Iterator[Counter[str]]:
    """Count the rows that go through each encoder."""
    rows: Counter[str] = Counter()
    hooks = []
    for name, module in ENCODERS.items():

        def count(
            _module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], _: object, name: str = name
        ) -> None:
            rows[name] += len(inputs[0])

        hooks.append(model.get_submodule(module).register_forward_hook(count))
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def run(path: Path, model: TAViS, cache: FeatureCache | None, **options: object) -> Proposals:
    settings: dict = {"vocabulary": ("dog", "bell"), "device": "cpu"} | options
    with open_clip(path) as clip:
        return segment_clip(clip, model, cache=cache, **settings)


def same(one: Proposals, other: Proposals) -> bool:
    """Whether two runs found the same, to the last bit of the logits."""
    kinds = [[(o.kind, o.class_name, o.score, o.logits) for o in p.objects] for p in (one, other)]
    return kinds[0] == kinds[1]


def test_a_frame_is_encoded_once(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    assert not encoder.is_ready(7)
    with counting(model) as runs:
        first, second = encoder.encode(7), encoder.encode(7)
    assert first is second
    assert runs["image"] == 1
    assert encoder.is_ready(7)


def test_a_frame_is_seen_with_the_sound_around_it(clip: Clip, model: TAViS) -> None:
    expected = model.encode_frames(clip.frames[[29]], log_mel(clip.soundtrack(), [1.5])).features
    encoder = FrameEncoder(clip, model)
    assert torch.equal(encoder.encode(29).features.embedding, expected.embedding)
    between = FrameEncoder(clip, model, sample_frames(clip, count=2))
    assert not torch.equal(between.encode(29).features.embedding, expected.embedding)


def test_without_a_soundtrack_frames_are_encoded_in_silence(
    silent_video: Path, model: TAViS
) -> None:
    with open_clip(silent_video) as clip:
        encoded = FrameEncoder(clip, model).encode(60)
        expected = model.encode_frames(clip.frames[[60]], log_mel(np.zeros(32_000), [0.0])).features
    assert torch.equal(encoded.features.embedding, expected.embedding)


def test_the_frames_used_longest_ago_are_forgotten(clip: Clip, model: TAViS) -> None:
    one = FrameEncoder(clip, model).encode(0).nbytes
    encoder = FrameEncoder(clip, model, cache=FeatureCache(3 * one))
    for frame in (0, 1, 2, 0, 3):
        encoder.encode(frame)
    assert [frame for frame in range(5) if encoder.is_ready(frame)] == [0, 2, 3]
    encoder.cache.clear()
    assert not encoder.is_ready(3)


def test_encoding_ahead_takes_the_most_likely_as_far_as_they_fit(clip: Clip, model: TAViS) -> None:
    one = FrameEncoder(clip, model).encode(0).nbytes
    encoder = FrameEncoder(clip, model, cache=FeatureCache(3 * one))
    encoder.encode_ahead([9, 9, 4, 5, 1, 2])
    assert [frame for frame in range(10) if encoder.is_ready(frame)] == [4, 5, 9]


def test_encoding_ahead_can_be_cancelled(clip: Clip, model: TAViS) -> None:
    encoder, token = FrameEncoder(clip, model), Task()
    hook = model.sam2.image_encoder.register_forward_hook(lambda *_: token.cancel())
    try:
        encoder.encode_ahead([1, 2, 3], token)
    finally:
        hook.remove()
    assert [encoder.is_ready(frame) for frame in (1, 2, 3)] == [True, False, False]


def test_who_waits_for_a_frame_goes_before_what_is_encoded_ahead(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    ready: list[list[int]] = []

    def click() -> None:
        encoder.encode(40)
        ready.append([frame for frame in range(9) if encoder.is_ready(frame)])

    waiting = threading.Thread(target=click)

    def hold(*_: object) -> None:
        if not waiting.ident:
            waiting.start()
            while not encoder._waiting:
                time.sleep(0.005)

    hook = model.sam2.image_encoder.register_forward_hook(hold)
    try:
        encoder.encode_ahead(range(9))
    finally:
        hook.remove()
        waiting.join()
    assert ready == [[0]]
    assert all(encoder.is_ready(frame) for frame in range(9))


def test_threads_that_want_one_frame_share_it(clip: Clip, model: TAViS) -> None:
    encoder = FrameEncoder(clip, model)
    with counting(model) as runs:
        threads = [threading.Thread(target=encoder.encode, args=(n % 3,)) for n in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert runs["image"] == 3


def test_another_vocabulary_or_protocol_runs_no_encoder(short: Path, model: TAViS) -> None:
    cache = FeatureCache()
    with counting(model) as first:
        run(short, model, cache)
    assert first["image"] == first["audio"] == first["vision"] == first["decomposition"] == 5
    model.embed_texts(["A background", "A cat", "A drum"])  # the classes, not the frames
    with counting(model) as again:
        words = run(short, model, cache, vocabulary=("cat", "drum"))
        alone = run(short, model, cache, protocol="independent")
    assert not again
    assert same(words, run(short, model, None, vocabulary=("cat", "drum")))
    assert same(alone, run(short, model, None, protocol="independent"))


def test_a_click_in_a_segmented_frame_runs_no_encoder(short: Path, model: TAViS) -> None:
    cache = FeatureCache()
    run(short, model, cache)
    with open_clip(short) as clip:
        encoder = FrameEncoder(clip, model, cache=cache)
        assert [frame for frame in range(50) if encoder.is_ready(frame)] == SAMPLED
        with counting(model) as runs:
            kept = segment_prompts(encoder, 29, CLICK)
        assert not runs
        fresh = segment_prompts(FrameEncoder(clip, model), 29, CLICK)
    assert np.mean(kept.mask != fresh.mask) < 0.01  # encoded among others: rounding
    assert kept.score == pytest.approx(fresh.score, abs=1e-3)


def test_what_a_click_has_encoded_is_not_encoded_again_to_segment(
    short: Path, model: TAViS
) -> None:
    cache = FeatureCache()
    with open_clip(short) as clip:
        encoder = FrameEncoder(clip, model, sample_frames(clip), cache)
        encoder.encode_ahead([9, 29, 30])
        before = encoder.encode(9)
        assert before.cues is None
        with counting(model) as runs:
            run(short, model, cache)
        assert (runs["image"], runs["audio"], runs["vision"]) == (3, 3, 5)
        after = encoder.encode(9)
    assert after.cues is not None
    assert after.sound is None
    assert torch.equal(after.features.embedding, before.features.embedding)


def test_other_weights_and_other_sounds_are_encoded_anew(short: Path) -> None:
    torch.manual_seed(1)
    model, cache = TAViS.from_preset("toy", image_size=64), FeatureCache()
    run(short, model, cache)
    with counting(model) as runs:
        run(short, model, cache, fps=0.4)  # of its two frames one is new, both hear another window
        assert runs["image"] == 2
    with torch.no_grad():
        model.adapters.get_parameter(
            next(name for name, _ in model.adapters.named_parameters())
        ).mul_(2)
    with counting(model) as runs:
        run(short, model, cache)
        assert runs["image"] == 5
    twin = TAViS.from_preset("toy", image_size=64)
    twin.load_state_dict(model.state_dict())
    with counting(twin) as runs:
        run(short, twin, cache)
        assert runs["image"] == 5


def test_a_video_that_was_written_again_is_encoded_anew(
    tmp_path: Path, model: TAViS, write_clip
) -> None:
    cache = FeatureCache()
    path = write_clip(tmp_path / "clip.mp4", 3)
    run(path, model, cache)
    write_clip(path, 3, loudness=0.1)
    with counting(model) as runs:
        run(path, model, cache)
    assert runs["image"] == 3


def test_memory_is_bounded_by_bytes(long: Path, model: TAViS) -> None:
    whole = FeatureCache()
    run(long, model, whole)
    assert 0 < whole.nbytes < LIMITS["cpu"]
    few = FeatureCache(whole.nbytes // 3)
    run(long, model, few, batch_frames=4)
    assert whole.nbytes // 4 < few.nbytes <= whole.nbytes // 3
    least = FeatureCache(0)
    run(long, model, least, batch_frames=4)
    assert least.nbytes == pytest.approx(FEWEST_KEPT * whole.nbytes / 13, rel=0.01)


def test_a_kept_frame_holds_no_memory_but_its_own(short: Path, model: TAViS) -> None:
    with open_clip(short) as clip:
        cache = FeatureCache()
        run(short, model, cache)
        features = FrameEncoder(clip, model, cache=cache).encode(29).features
    assert features.embedding.untyped_storage().nbytes() == features.embedding.nbytes


def test_kept_frames_make_way_before_the_batch_is_halved(short: Path, model: TAViS) -> None:
    cache = FeatureCache()
    run(short, model, cache)
    with failing(model.sam2.sam_mask_decoder, times=1), counting(model) as runs:
        found = run(short, model, cache, protocol="independent")
    assert runs["image"] == 5
    assert not [warning for warning in found.warnings if "Memory ran short" in warning]
