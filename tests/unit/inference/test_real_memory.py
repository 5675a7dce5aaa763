"""Memory that really runs out: a process that may take little more than it has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SEGMENT = """
import json, resource, sys
from pathlib import Path
import torch
from napari_tavis.inference import InferenceError, segment_clip
from napari_tavis.media import open_clip
from napari_tavis.model import load_model

torch.set_num_threads(1)
model, batches, said = load_model("toy", image_size=512), [], []
settings = {"device": "cpu", "vocabulary": ("dog",), "protocol": "independent"}
with open_clip(Path(sys.argv[1])) as clip:
    segment_clip(clip, model, count=1, **settings)  # all that is loaded once
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + int(sys.argv[2]) * 2**20, -1))
    encoder = model.segmenter.image_encoder
    encoder.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    try:
        said += segment_clip(clip, model, count=6, **settings).warnings
    except InferenceError as error:
        said.append(str(error))
print(json.dumps({"batches": batches, "said": said}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limit on a process's memory")
def test_the_batch_is_halved_when_the_system_gives_no_more(short: Path) -> None:
    command = [sys.executable, "-c", SEGMENT, str(short), "100"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["batches"][:2] == [6, 3]
    assert any("Memory ran short" in said or "not enough memory" in said for said in told["said"])
