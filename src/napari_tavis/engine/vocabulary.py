"""The class names a clip is searched for, checked."""

from __future__ import annotations

from collections.abc import Sequence

from napari_tavis.core.errors import InferenceError
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, BACKGROUND


def check_vocabulary(words: Sequence[str] | None) -> tuple[str, ...]:
    """Check the class names that a user asks for.

    Parameters
    ----------
    words : sequence of str or None
        Class names; None for AVSBench's 70. "background" may be among them.

    Returns
    -------
    tuple of str
        The class names without the background, which is always in play.

    Raises
    ------
    InferenceError
        If there is no class, an empty one, or one twice.
    """
    if words is None:
        return AVSBENCH_CLASSES[1:]
    names = [" ".join(word.split()) for word in words]
    if not all(names):
        raise InferenceError("The vocabulary has an empty class name: give words such as 'dog'.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InferenceError(
            f"The vocabulary names {', '.join(twice)} more than once: name each class once."
        )
    classes = tuple(name for name in names if name != BACKGROUND)
    if not classes:
        raise InferenceError("The vocabulary is empty: give a class name at least, such as 'dog'.")
    return classes
