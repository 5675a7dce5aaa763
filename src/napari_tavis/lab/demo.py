"""The whole path once, on a synthetic clip: what ``napari-tavis demo`` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench import Violation, validate
from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.engine import EngineOptions, LocalEngine
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.lab.toyworld import heard_classes, sample_scene, write_scene_video
from napari_tavis.project.annotating import Annotation, annotate_video, session_paths

# A scene that the bundled model was not trained on: a clock and a drum that sound, and a guitar
# that is seen but not heard.
DEMO_SEED = 1

# what the demo exports: AVSBench-object with several sources, and its semantic counterpart
SUBSETS: tuple[Subset, ...] = ("ms3", "v1m")


@dataclass(frozen=True)
class DemoResult:
    """What the demo wrote."""

    video: Path
    truth: tuple[str, ...]  # the classes of the objects that sound in the clip
    annotation: Annotation  # the session and the overlay pictures
    dataset: Path  # the AVSBench folder
    violations: tuple[Violation, ...]  # what `validate` found in it: nothing, if all is well

    def summary(self) -> str:
        """Say in a few lines what was made, found and written."""
        pictures = self.annotation.pictures[0].parent
        valid = "valid" if not self.violations else f"{len(self.violations)} violations"
        return "\n".join(
            (
                f"clip      {self.video} (sounding: {', '.join(self.truth)})",
                f"session   {self.annotation.summary()}",
                f"pictures  {pictures} ({len(self.annotation.pictures)} frames)",
                f"AVSBench  {self.dataset} ({', '.join(SUBSETS)}: {valid}; with the model's "
                "proposals, which nobody checked, as --include-proposals would)",
            )
        )


def run_demo(output: Path, *, device: str = "auto", task: Task | None = None) -> DemoResult:
    """Make a synthetic clip, segment what sounds in it, and export it as AVSBench data.

    Run again in the same folder, it keeps what a person edited or accepted meanwhile. Raises
    `TavisError` if something cannot be written, or the device is not there.
    """
    task = task or Task()
    output = output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    scene = sample_scene(DEMO_SEED, count=3, sounding=2)
    video = output / "toy-clip.mp4"
    if not video.exists():
        write_scene_video(scene, video, task=task)
    (path,) = session_paths([video], None)
    annotation = annotate_video(video, LocalEngine(), path, EngineOptions(device=device), task=task)
    dataset = output / "avsbench"
    for subset in SUBSETS:
        request = ExportRequest(
            dataset,
            subset=subset,
            split="test",
            overwrite=True,
            include_proposals=True,  # nobody looks at them here, which the summary says
        )
        export(annotation.session, request, check=False, task=task)
    return DemoResult(video, heard_classes(scene), annotation, dataset, tuple(validate(dataset)))
