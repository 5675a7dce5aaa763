"""Small clips with drawn frames, two classes, and a tone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip

MakeClip = Callable[..., ClipAnnotation]

HEIGHT, WIDTH = 60, 81
SEMANTIC = ["metadata.csv", "label2idx.json", "v1s", "v1m", "v2"]
DOG, TRUMPET = class_index("dog"), class_index("trumpet")


@pytest.fixture(scope="session")
def make_clip() -> MakeClip:
    """Give a function that draws a clip: a dog (large) and a trumpet, moving right."""

    def make(name: str = "park", count: int = 5, **fields: object) -> ClipAnnotation:
        random = np.random.default_rng(len(name) + count)
        frames = random.integers(0, 255, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
        class_map = np.zeros((count, HEIGHT, WIDTH), dtype=np.uint8)
        for n in range(count):
            class_map[n, 10:40, 5 + 2 * n : 30 + 2 * n] = DOG
            class_map[n, 45:55, 50 + n : 60 + n] = TRUMPET
        time = np.arange(count * 16_000) / 16_000
        values = {
            "name": name,
            "frames": frames,
            "class_map": class_map,
            "waveform": (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32),
        }
        return ClipAnnotation(**{**values, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory, make_clip: MakeClip) -> Path:
    root = tmp_path_factory.mktemp("avsbench") / "data"
    for split in ("train", "test"):
        for subset in ("s4", "ms3", "v1s", "v1m", "v2"):
            count = 10 if subset == "v2" else 5
            write_clip(root, subset, split, make_clip(f"park-{split}", count))
    return root


@pytest.fixture
def dataset(tmp_path: Path, _written: Path) -> Path:
    """Give an AVSBench folder, the test's own, with a train and a test clip in each subset."""
    return Path(shutil.copytree(_written, tmp_path / "data"))


@pytest.fixture
def tree_of_file(tmp_path: Path, _written: Path) -> Callable[[str], Path]:
    """Give the tree of `dataset` alone that a file lies in: checking it is quicker."""

    def copy(name: str) -> Path:
        top = name.split("/")[0]
        parts = [top] if top in ("Single-source", "Multi-sources") else SEMANTIC
        root = tmp_path / f"alone-{parts[0]}"
        if not root.exists():
            for part in parts:
                source = _written / part
                root.mkdir(exist_ok=True)
                (shutil.copytree if source.is_dir() else shutil.copy)(source, root / part)
        return root

    return copy
