"""The evaluation as a whole: clips in, scores out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from napari_tavis.core.errors import EvaluationError
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.datasets.avsbench.layout import OBJECT_SIZE
from napari_tavis.lab.evaluation.clips import stretched
from napari_tavis.lab.evaluation.examples import draw_examples
from napari_tavis.lab.evaluation.prediction import Predictor
from napari_tavis.lab.evaluation.robustness import RobustnessTest
from napari_tavis.lab.evaluation.scores import Scores, Source
from napari_tavis.lab.evaluation.tallies import ClassTally, ReliabilityTallies, SceneTally
from napari_tavis.model import TAViS
from napari_tavis.model.backbone import Protocol


@dataclass(frozen=True)
class EvaluationOptions:
    """How much is measured."""

    # how SAM 2 decodes; the authors evaluate each frame independently
    protocol: Protocol = "independent"
    # also classify by what the queries highlight: five more passes per frame
    zero_shot: bool = True
    robustness: bool = True  # segment every clip three more times, with sounds not its own
    examples: int = 3  # how many of the best clips and of the worst are drawn
    # Pixels per side to which labels are stretched before anything is counted, as AVSBench's
    # loaders do; None for their own size.
    size: int | None = OBJECT_SIZE
    # classes whose mean IoU is given by itself, as "seen"
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


# one pass over the clips, when only numbers are wanted
SCORES_ONLY = EvaluationOptions(zero_shot=False, robustness=False, examples=0)


def evaluate(
    model: TAViS,
    dataset: Sequence[ClipAnnotation],
    *,
    options: EvaluationOptions | None = None,
    source: Source | None = None,
    task: Task | None = None,
) -> Scores:
    """Score a model on clips.

    Parameters
    ----------
    model : TAViS
        Any model, on any device.
    dataset : sequence of ClipAnnotation
        One split, as `avsbench.open_dataset` opens it; clips are read one by one.
    options : EvaluationOptions, optional
        How much is measured; everything by default.
    source : Source, optional
        What to call model and data in the report.
    task : Task, optional
        Progress and cancelling.

    Raises
    ------
    EvaluationError
        If there is no clip.
    DatasetError
        If a clip cannot be read.
    """
    options, task = options or EvaluationOptions(), task or Task()
    if not len(dataset):
        raise EvaluationError("There is no clip to evaluate on: choose another subset or split.")
    make = partial(Predictor, model, options.protocol, size=options.size)
    predictor, by_sound = make(image_embedding=options.zero_shot), make(image_embedding=False)
    robustness = RobustnessTest(by_sound, dataset)
    scene, reliability = SceneTally(), ReliabilityTallies()
    classes = ClassTally(options.groups)
    for number in range(len(dataset)):
        task.check()
        clip = dataset[number]
        found = predictor.predict(clip)
        truth = stretched(clip, options.size)
        for tally in (scene, classes, reliability):
            tally.add(truth, found)
        if options.robustness:
            robustness.add(number, clip, truth, found)
        task.report(number + 1, len(dataset), f"evaluating {clip.name}")
    return Scores(
        source=source or Source(),
        protocol=options.protocol,
        summary={**scene.summary(), **classes.summary()},
        clips=scene.clips,
        classes=classes.classes(scene),
        reliability=reliability.curves(),
        robustness=robustness.scores() if options.robustness else [],
        embeddings=classes.embeddings(),
        examples=draw_examples(by_sound, dataset, scene.clips, options.examples, options.size),
    )
