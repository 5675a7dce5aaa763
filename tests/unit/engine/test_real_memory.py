"""Memory that really runs out: a process that may take little more than it has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
