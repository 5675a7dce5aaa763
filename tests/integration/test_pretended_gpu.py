"""What a GPU asks of the code, where there is none: that all it computes with is on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch.utils import backend_registration

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, write_clip
from napari_tavis.lab.toyworld import render_clip, sample_scene

PRETENDED = Path(__file__).with_name("pretended_gpu.py")


@pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="needs a PyTorch in which a device can be written in Python",
)
@pytest.mark.parametrize(
    ("dtype", "apart"),
    [("float32", 1e-3), pytest.param("bfloat16", 0.1, marks=pytest.mark.slow)],
)
def test_all_is_on_the_device_that_computes_with_it(
    toy_video: Path, tmp_path: Path, dtype: str, apart: float
) -> None:
    clip = render_clip(sample_scene(11, 5.0), 64, 5)
    classes = np.array([0, *map(AVSBENCH_CLASSES.index, clip.class_names)], np.uint8)
    annotation = ClipAnnotation("one", clip.frames, classes[clip.instances], clip.waveform)
    write_clip(tmp_path, "v1s", "train", annotation)
    command = [sys.executable, str(PRETENDED), str(toy_video), str(tmp_path), dtype]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    found = json.loads(ended.stdout)
    assert found["masks"] > 10
    assert found["found"] > 1 - apart
    assert found["overlap"] > 1 - apart
    assert found["loss"] == pytest.approx(1, abs=apart)
    # that of one batch, in half precision, is noisy: on the device no more than on the CPU
    assert found["gradient"] < 5e-3 + 3 * found["noise"]
