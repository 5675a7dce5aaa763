from __future__ import annotations

import numpy as np

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.widgets.correction.prompt_book import (
    PromptBook,
    Spot,
    with_box,
    with_point,
    without_points,
)

DOG_3, DOG_5, CAT_3 = Spot(1, 3), Spot(1, 5), Spot(2, 3)
MASK = np.ones((4, 5), bool)


def test_each_click_can_be_taken_back_alone() -> None:
    book = PromptBook()
    first = with_point(Prompts(), 10, 20, True, reach=3)
    second = with_point(first, 40, 20, False, reach=3)
    third = with_box(second, (30, 9), (5, 50))
    for prompts in (first, second, third):
        book.put(DOG_3, prompts)
    assert book.prompts(DOG_3).box == (5, 9, 30, 50)
    assert book.prompts(DOG_3).labels == (True, False)
    for before in (second, first):
        assert book.undo(DOG_3)
        assert book.prompts(DOG_3) is before
    assert book.undo(DOG_3)
    assert book.prompts(DOG_3).empty
    assert not book.undo(DOG_3)


def test_a_point_clicked_again_is_removed() -> None:
    prompts = with_point(with_point(Prompts(), 10, 20, True, 3), 40, 20, False, 3)
    prompts = with_point(prompts, 11, 21, True, reach=3)
    assert prompts.points == ((40, 20),)
    assert prompts.labels == (False,)


def test_points_are_removed_by_their_number() -> None:
    prompts = Prompts(points=((1, 1), (2, 2), (3, 3)), labels=(True, False, True))
    assert without_points(prompts, {0, 2}) == Prompts(points=((2, 2),), labels=(False,))


def test_prompts_wait_at_their_frame_and_object() -> None:
    book = PromptBook()
    book.put(DOG_5, with_point(Prompts(), 1, 1, True, 1))
    book.put(DOG_3, with_point(Prompts(), 2, 2, True, 1))
    book.put(CAT_3, with_point(Prompts(), 3, 3, True, 1))
    assert book.frames(1) == [3, 5]
    book.drop(DOG_3)
    assert book.frames(1) == [5]
    assert book.frames(2) == [3]


def test_a_mask_answers_the_prompts_it_was_made_of() -> None:
    book = PromptBook()
    first = with_point(Prompts(), 1, 1, True, 1)
    book.put(DOG_3, first)
    assert not book.is_answered(DOG_3)
    book.take_mask(DOG_3, first, MASK)
    assert book.is_answered(DOG_3)
    book.put(DOG_3, with_point(first, 9, 9, True, 1))
    assert not book.is_answered(DOG_3)
    assert book.mask(DOG_3) is MASK, "the outline stays until the next one is found"


def test_a_mask_that_comes_after_all_was_taken_back_is_passed_over() -> None:
    book = PromptBook()
    prompts = with_point(Prompts(), 1, 1, True, 1)
    book.put(DOG_3, prompts)
    book.drop(DOG_3)
    book.take_mask(DOG_3, prompts, MASK)
    assert book.mask(DOG_3) is None


def test_no_mask_stays_when_the_last_point_goes() -> None:
    book = PromptBook()
    prompts = with_point(Prompts(), 1, 1, True, 1)
    book.put(DOG_3, prompts)
    book.take_mask(DOG_3, prompts, MASK)
    book.put(DOG_3, without_points(prompts, {0}))
    assert book.mask(DOG_3) is None
    assert book.undo(DOG_3)
    assert book.prompts(DOG_3) is prompts
