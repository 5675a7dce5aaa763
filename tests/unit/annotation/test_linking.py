"""Linking synthetic detections; letters stand for what is really the same object."""

from __future__ import annotations

import numpy as np
import pytest

from napari_tavis.annotation.linking import Detection, Linker, Track, drop_small, merge_duplicates
from napari_tavis.annotation.masks import Mask

SIZE = (64, 64)
POINTERS = dict(zip("ABCD", np.eye(4, 16, dtype=np.float32), strict=True))


def disc(row: int, column: int, radius: int = 8) -> Mask:
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def seen(
    frame: int,
    who: str,
    place: tuple[int, int],
    class_name: str = "dog",
    score: float = 0.8,
    noise: float = 0.3,
) -> Detection:
    generator = np.random.default_rng(frame * 31 + ord(who))
    pointer = POINTERS[who] + noise * generator.normal(size=16).astype(np.float32) / 4
    return Detection(frame, class_name, score, disc(*place), pointer, who.encode())


def link(*frames: list[Detection]) -> list[Track]:
    linker = Linker()
    for detections in frames:
        linker.add_frame(detections)
    return linker.tracks


def who(track: Track) -> dict[int, str]:
    return {frame: name.decode() for frame, name in track.pngs.items()}


def test_slots_that_swap_do_not_swap_objects() -> None:
    def frame(number: int) -> list[Detection]:
        drum = seen(number, "A", (20 + number, 20), "drum")
        bell = seen(number, "B", (44, 40 - number), "bell", score=0.7 + 0.05 * (-1) ** number)
        return [drum, bell] if number % 2 else [bell, drum]

    tracks = link(*(frame(number) for number in range(6)))
    assert sorted(track.class_name for track in tracks) == ["bell", "drum"]
    for track in tracks:
        assert len(set(who(track).values())) == 1
        assert sorted(who(track)) == list(range(6))


def test_two_objects_of_one_class_stay_apart() -> None:
    frames = [
        [seen(n, "A", (16, 16 + n)), seen(n, "B", (48, 48 - n))][:: 1 if n % 2 else -1]
        for n in range(6)
    ]
    tracks = link(*frames)
    assert [set(who(track).values()) for track in tracks] in ([{"A"}, {"B"}], [{"B"}, {"A"}])


def test_two_objects_of_one_class_that_cross_are_told_apart_by_their_pointers() -> None:
    frames = [
        [seen(n, "A", (32, 10 + 8 * n)), seen(n, "B", (32, 54 - 8 * n))] for n in range(6)
    ]  # at 3 each is nearer to where the other was at 2
    tracks = link(*frames)
    assert sorted("".join(sorted(set(who(track).values()))) for track in tracks) == ["A", "B"]


def test_an_object_that_vanishes_and_returns_is_the_same() -> None:
    frames = [
        [
            seen(n, "A", (16, 16), "siren"),
            *([seen(n, "B", (48, 48), "dog")] if n not in (2, 3) else []),
        ]
        for n in range(6)
    ]
    tracks = {track.class_name: track for track in link(*frames)}
    assert sorted(tracks) == ["dog", "siren"]
    assert sorted(who(tracks["dog"])) == [0, 1, 4, 5]


def test_the_one_of_two_that_returns_is_recognised() -> None:
    both = [seen(0, "A", (16, 16)), seen(0, "B", (48, 48))]
    tracks = link(both, [], [], [seen(3, "B", (46, 47))])
    assert [who(track) for track in tracks] == [{0: "A"}, {0: "B", 3: "B"}]


def test_what_moves_fast_is_followed_by_class_and_pointer() -> None:
    tracks = link(*([seen(n, "A", (32, 8 + 16 * n))] for n in range(4)))
    assert [sorted(who(track)) for track in tracks] == [[0, 1, 2, 3]]


def test_one_wrong_class_does_not_split_an_object_and_the_vote_is_right() -> None:
    names = ["dog", "wolf", "dog", "dog"]
    tracks = link(*([seen(n, "A", (30, 30 + n), names[n], noise=0.1)] for n in range(4)))
    assert [(track.class_name, len(track.pngs)) for track in tracks] == [("dog", 4)]


def test_the_vote_is_weighted_by_score() -> None:
    scores = [("wolf", 0.2), ("wolf", 0.2), ("dog", 0.9)]
    frames = [
        [seen(n, "A", (30, 30), name, score, noise=0.0)] for n, (name, score) in enumerate(scores)
    ]
    (track,) = link(*frames)
    assert track.class_name == "dog"
    assert track.score == pytest.approx(1.3 / 3)
    assert track.scores == {0: 0.2, 1: 0.2, 2: 0.9}


def test_other_classes_at_other_places_are_other_objects() -> None:
    tracks = link([seen(0, "A", (16, 16), "dog")], [seen(1, "B", (48, 48), "bell")])
    assert [track.class_name for track in tracks] == ["dog", "bell"]


def test_objects_side_by_side_of_different_classes_stay_apart() -> None:
    """A man with a guitar: the masks overlap, but are not the same."""
    frames = [[seen(n, "A", (30, 28), "man"), seen(n, "B", (38, 32), "guitar")] for n in range(3)]
    tracks = link(*frames)
    assert [(track.class_name, len(track.pngs)) for track in tracks] == [("man", 3), ("guitar", 3)]


def test_two_queries_on_one_object_are_merged_and_the_better_stays() -> None:
    weak, strong = seen(0, "A", (30, 30), score=0.4), seen(0, "B", (31, 31), score=0.9)
    other = seen(0, "C", (30, 30), "bell", score=0.5)
    assert merge_duplicates([weak, strong, other]) == [strong, other]
    inside = Detection(0, "dog", 0.3, disc(30, 30, 3), POINTERS["A"])
    assert merge_duplicates([inside, strong]) == [strong]
    apart = seen(0, "D", (30, 50))
    assert len(merge_duplicates([strong, apart])) == 2


def test_specks_are_dropped() -> None:
    empty = np.zeros((100, 100), dtype=bool)
    speck, small = empty.copy(), empty.copy()
    speck[0, :9] = True
    small[0, :10] = True
    kept = drop_small(
        [Detection(0, "dog", 0.9, mask, POINTERS["A"]) for mask in (empty, speck, small)]
    )
    assert [int(item.mask.sum()) for item in kept] == [10]


def test_frames_in_which_nothing_sounds() -> None:
    assert link([], []) == []
    assert link() == []


def test_pointers_of_zero_do_no_harm() -> None:
    blank = Detection(0, "dog", 0.9, disc(30, 30), np.zeros(16, np.float32))
    later = Detection(1, "dog", 0.9, disc(31, 30), np.zeros(16, np.float32))
    assert [len(track.pngs) for track in link([blank], [later])] == [2]
