"""What to say where the libraries that only training needs are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari_tavis.core.errors import TrainingError


@contextmanager
def needs_training_extra(extra: str = "train") -> Iterator[None]:
    """Turn a failing import into an error that says what to install.

    Parameters
    ----------
    extra : str
        The extra of this package that has the library.

    Raises
    ------
    TrainingError
        If a library cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise TrainingError(
            f"This needs {error.name}: install it with pip install 'napari-tavis[{extra}]'."
        ) from error
