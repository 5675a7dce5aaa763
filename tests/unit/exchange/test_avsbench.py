"""From a session on a real video to AVSBench data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import (
    ClipAnnotation,
    ClipExistsError,
    DatasetError,
    open_dataset,
    read_clip,
    validate,
)
from napari_tavis.datasets.avsbench.lists import find_listed_clip
from napari_tavis.engine.sampling import sample_frames
from napari_tavis.exchange.avsbench import cut_clip, plan_clip
from napari_tavis.exchange.exporting import ExportResult, export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.media import open_clip, write_video

from .conftest import SIZE, MakeSession, square

RATE = 30


def brightness(index: int) -> int:
    """Say how bright frame ``index`` is drawn, so that a frame shows which one it is."""
    return 20 + index % 300 * 3 // 4


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write ten seconds at 30 frames per second; the sound is off, then on from 6 s."""
    frames = (np.full((*SIZE, 3), brightness(n), dtype=np.uint8) for n in range(10 * RATE))
    time = np.arange(160_000) / 16_000
    sound = np.where(time >= 6, 0.4 * np.sin(2 * np.pi * 500 * time), 0)
    folder = tmp_path_factory.mktemp("export")
    return write_video(folder / "My vidéo.mp4", frames, RATE, sound.astype(np.float32))


def export_session(
    session: AnnotationSession,
    root: Path,
    subset: str,
    split: str,
    *,
    task: Task | None = None,
    **choices: object,
) -> ExportResult:
    request = ExportRequest(root, subset=subset, split=split, **choices)  # type: ignore[arg-type]
    return export(session, request, check=False, task=task)


def session_clip(
    session: AnnotationSession, subset: str, split: str, **choices: object
) -> ClipAnnotation:
    """Cut a clip out of a session without writing it."""
    request = ExportRequest(Path("data"), subset=subset, split=split, **choices)  # type: ignore[arg-type]
    with open_clip(session.video) as video:
        return cut_clip(plan_clip(session, video, request), Task())


@pytest.fixture
def make_session(video: Path, tmp_path: Path) -> MakeSession:
    """Give a function that makes a session with objects of some classes, and a scene mask."""

    def make(
        classes: Sequence[str] = ("dog", "trumpet"),
        fps: float = 1.0,
        scene: bool = True,
        accepted: bool = True,
    ) -> AnnotationSession:
        with open_clip(video) as clip:
            samples = sample_frames(clip, fps)
        frames = [int(index) for index in samples.indices]
        objects = [
            Proposal(name, 0.9, {frame: square(frame, 5 + 20 * place) for frame in frames})
            for place, name in enumerate(classes)
        ]
        if scene:
            masks = {frame: square(frame, 0) | square(frame, 30) for frame in frames}
            objects.append(Proposal("scene", 0.8, masks, kind="scene"))
        proposals = Proposals(samples.indices, samples.times, SIZE, objects)
        session = AnnotationSession.create(video, proposals, path=tmp_path / "s.tavis")
        if accepted:
            session.accept()
        return session

    return make


@pytest.mark.parametrize("subset", ["s4", "ms3", "v1s", "v1m", "v2"])
def test_every_subset_gets_the_frames_of_avsbench(
    make_session: MakeSession, tmp_path: Path, subset: str
) -> None:
    session = make_session()
    export_session(session, tmp_path / "data", subset, "test")
    clip = open_dataset(tmp_path / "data", subset, "test")[0]
    frames = [28, 58, 88, 118, 148, 178, 208, 238, 268, 298][: len(clip.frames)]
    assert len(clip.frames) == (10 if subset == "v2" else 5)
    means = clip.frames.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, [brightness(n) for n in frames], atol=3)
    if clip.class_map is not None:
        for class_map, frame in zip(clip.class_map, frames, strict=True):
            np.testing.assert_array_equal(class_map == class_index("dog"), square(frame, 5))
            np.testing.assert_array_equal(class_map == class_index("trumpet"), square(frame, 25))
    assert validate(tmp_path / "data") == []


def test_one_stretch_has_matching_names_in_all_subsets(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session()
    for subset in ("s4", "ms3", "v1s", "v1m", "v2"):
        export_session(session, tmp_path / "data", subset, "val")
        export_session(session, tmp_path / "data", subset, "val", start=5) if subset != "v2" else ()
    names = {
        subset: open_dataset(tmp_path / "data", subset, "val").names
        for subset in ("s4", "ms3", "v1s", "v1m", "v2")
    }
    assert names["s4"] == ("My-video_0_5000", "My-video_5000_10000")
    assert names["s4"] == names["v1s"] == names["ms3"] == names["v1m"]
    assert names["v2"] == ("My-video_0_10000",)
    assert validate(tmp_path / "data") == []


def test_stretch_has_its_own_frames_sound_and_video(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session()
    export_session(session, tmp_path, "ms3", "val", start=5, name="late")
    clip = read_clip(tmp_path, "ms3", "val", "late")
    expected = [brightness(n) for n in (178, 208, 238, 268, 298)]
    np.testing.assert_allclose(clip.frames.mean(axis=(1, 2, 3)), expected, atol=3)
    assert len(clip.waveform) == 80_000
    assert np.abs(clip.waveform[:12_000]).max() < 0.05
    assert np.abs(clip.waveform[20_000:]).max() > 0.3
    with open_clip(tmp_path / "Multi-sources/ms3_data/raw_videos/late.mp4") as kept:
        assert kept.duration == pytest.approx(5, abs=0.1)
        assert kept.frames[28].mean() == pytest.approx(brightness(178), abs=4)


def test_scene_mask_or_union_of_the_objects(make_session: MakeSession, tmp_path: Path) -> None:
    session = make_session()
    scene, union = square(28, 0) | square(28, 30), square(28, 5) | square(28, 25)
    for masks, expected in (("scene", scene), ("objects", union)):
        export_session(session, tmp_path, "ms3", "val", name=masks, masks=masks)
        path = tmp_path / f"Multi-sources/ms3_data/gt_masks/val/{masks}/{masks}_1.png"
        written = Image.open(path).resize(SIZE[::-1], Image.Resampling.NEAREST)
        np.testing.assert_array_equal(np.asarray(written) > 0, expected)


def test_persons_edit_of_an_object_outranks_the_models_scene_mask(
    make_session: MakeSession,
) -> None:
    session = make_session(accepted=False)
    dog, _, scene = session.objects
    edited = np.zeros(SIZE, dtype=bool)
    edited[40:, 50:] = True
    session.set_mask(dog.object_id, 58, edited)

    def labels(subset: str) -> ClipAnnotation:
        return session_clip(session, subset, "val", include_proposals=True)

    masks = labels("ms3").masks
    np.testing.assert_array_equal(masks[1], edited | square(58, 25))
    np.testing.assert_array_equal(masks[0], square(28, 0) | square(28, 30))
    session.set_mask(scene.object_id, 58, ~edited)
    np.testing.assert_array_equal(labels("ms3").masks[1], ~edited)
    class_map = labels("v1m").class_map
    assert class_map is not None
    np.testing.assert_array_equal(class_map[1] == class_index("dog"), edited)


def test_large_objects_do_not_hide_small_ones(make_session: MakeSession) -> None:
    session = make_session()
    trumpet = session.objects[1]
    session.set_mask(trumpet.object_id, 28, np.ones(SIZE, dtype=bool))
    class_map = session_clip(session, "v1m", "val").class_map
    assert class_map is not None
    np.testing.assert_array_equal(class_map[0] == class_index("dog"), square(28, 5))


def test_classes_that_avsbench_lacks_are_listed_and_nothing_is_written(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(("dog", "unicorn", "theremin"))
    for subset in ("s4", "ms3", "v1s", "v1m", "v2"):
        with pytest.raises(DatasetError, match="'unicorn', 'theremin'"):
            export_session(session, tmp_path / "data", subset, "train")
    assert not (tmp_path / "data").exists()


def test_removed_objects_are_not_exported(make_session: MakeSession, tmp_path: Path) -> None:
    session = make_session(scene=False)
    session.remove_object(session.objects[1].object_id)
    export_session(session, tmp_path, "v1m", "val", name="a")
    assert read_clip(tmp_path, "v1m", "val", "a").class_names == ("dog",)


def test_other_sampling_rates_use_the_nearest_annotated_frame(
    make_session: MakeSession, tmp_path: Path
) -> None:
    export_session(make_session(fps=5.0), tmp_path, "v1m", "val", name="a")
    clip = read_clip(tmp_path, "v1m", "val", "a")
    assert clip.class_map is not None
    means = clip.frames.mean(axis=(1, 2, 3))
    for mean, class_map, wanted in zip(means, clip.class_map, (28, 58, 88, 118, 148), strict=True):
        dog = class_map == class_index("dog")
        found = [n for n in range(300) if np.array_equal(dog, square(n, 5)) and abs(n - wanted) < 4]
        assert len(found) == 1  # at most 0.1 s away
        assert mean == pytest.approx(brightness(found[0]), abs=3)  # and the picture is that frame


def test_frames_without_annotation_are_told_with_their_times(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(fps=0.5)  # frames at 1.875, 3.875 s ...
    with pytest.raises(DatasetError, match=r"0\.93 s, 2\.93 s, 4\.93 s: segment the video at 1"):
        export_session(session, tmp_path / "data", "v1m", "val")
    assert not (tmp_path / "data").exists()
    for frame in (28, 88, 148):
        for item in session.objects:
            session.set_mask(item.object_id, frame, square(frame, 5))
    export_session(session, tmp_path / "data", "v1m", "val")


def test_training_clip_of_a_single_source_needs_its_first_frame_only(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(fps=0.1)
    for item in session.objects:
        session.set_mask(item.object_id, 28, square(28, 5))
    export_session(session, tmp_path, "s4", "train")
    with pytest.raises(DatasetError, match=r"1\.93 s"):
        export_session(session, tmp_path, "s4", "val", overwrite=True)
    assert validate(tmp_path) == []


def test_category_is_the_class_with_the_largest_area(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session()
    for frame in (28, 58, 88, 118, 148):
        session.set_mask(session.objects[1].object_id, frame, np.ones(SIZE, dtype=bool))
    export_session(session, tmp_path, "s4", "val", name="a")
    export_session(session, tmp_path, "s4", "val", name="b", category="playing_trumpet")
    categories = [clip.category for clip in open_dataset(tmp_path, "s4", "val")]
    assert categories == ["trumpet", "playing_trumpet"]


def test_export_again_replaces_only_when_asked(make_session: MakeSession, tmp_path: Path) -> None:
    session = make_session()
    export_session(session, tmp_path, "v1m", "val", name="a")
    session.set_mask(session.objects[0].object_id, 28, np.zeros(SIZE, dtype=bool))
    with pytest.raises(ClipExistsError):
        export_session(session, tmp_path, "v1m", "val", name="a")
    export_session(session, tmp_path, "v1m", "val", name="a", overwrite=True)
    class_map = read_clip(tmp_path, "v1m", "val", "a").class_map
    assert class_map is not None
    assert class_index("dog") not in class_map[0]
    assert len(open_dataset(tmp_path, "v1m", "val")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 6}, "lasts 10.00 s, but a clip of 5 s from 6 s"),
        ({"start": 1.5}, "whole second"),
        ({"start": -1}, "whole second"),
        ({"start": float("inf")}, "whole second"),
        ({"start": float("nan")}, "whole second"),
        ({"name": "../x"}, "contains '/'"),
        ({"masks": "both"}, "scene, objects or accepted"),
    ],
)
def test_stretches_and_names_that_make_no_sense_are_refused(
    make_session: MakeSession, tmp_path: Path, options: dict, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        export_session(make_session(), tmp_path / "data", "ms3", "val", **options)
    assert not (tmp_path / "data").exists()


def test_export_tells_its_progress_and_can_be_cancelled(
    make_session: MakeSession, tmp_path: Path
) -> None:
    told: list[tuple[int, int, str]] = []
    session = make_session()
    export_session(session, tmp_path, "v1s", "val", task=Task(lambda *one: told.append(one)))
    assert [done for done, _, _ in told] == [0, 1, 2, 3, 4, 5]
    token = Task()
    token.cancel()
    with pytest.raises(Cancelled):
        export_session(session, tmp_path / "data", "v1m", "val", task=token)
    assert not (tmp_path / "data").exists()


def test_union_of_accepted_objects_and_never_a_rejected_one(make_session: MakeSession) -> None:
    session = make_session(("dog", "trumpet", "car"), accepted=False)
    dog, trumpet, car, _ = session.objects
    session.accept(trumpet.object_id)
    session.accept(car.object_id)
    session.reject(car.object_id)
    masks = session_clip(session, "ms3", "val", masks="accepted").masks
    np.testing.assert_array_equal(masks[0], square(28, 25))
    masks = session_clip(session, "ms3", "val", masks="objects", include_proposals=True).masks
    np.testing.assert_array_equal(masks[0], square(28, 25) | square(28, 5))
    session.reject(dog.object_id)
    session.reject(trumpet.object_id)
    with pytest.raises(DatasetError, match="accept what is right"):
        session_clip(session, "ms3", "val", masks="accepted")


def test_mapped_class_is_the_category_of_a_single_source(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session(("church bell",))
    export_session(session, tmp_path, "s4", "val", mapping={"church bell": "bell"}, licence="CC0")
    assert open_dataset(tmp_path, "s4", "val")[0].category == "bell"
    sources = (tmp_path / "Single-source" / "sources.csv").read_text()
    assert "CC0" in sources
    assert validate(tmp_path) == []


def test_replaced_clip_keeps_its_name_times_and_unseen_sounds(
    make_session: MakeSession, tmp_path: Path
) -> None:
    session = make_session()
    export_session(session, tmp_path, "v1s", "val", start=5)
    name = "My-video_5000_10000"
    assert find_listed_clip(tmp_path, "v1s", name) is not None
    table = tmp_path / "metadata.csv"
    table.write_text(table.read_text().replace("dog_trumpet", "dog_trumpet_violin"))
    session.set_mask(1, 178, square(0, 5))
    export_session(session, tmp_path, "v1s", "val", start=5, name=name, rewrite=True)
    clip = read_clip(tmp_path, "v1s", "val", name)
    assert (clip.start, clip.sound_classes) == (5, ("violin",))
    assert clip.class_map is not None
    np.testing.assert_array_equal(clip.class_map[0] == class_index("dog"), square(0, 5))
