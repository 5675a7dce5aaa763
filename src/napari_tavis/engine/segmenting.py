"""A clip to proposals: the one function behind the window, the command line and the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, BACKGROUND
from napari_tavis.engine.detection import FrameDetections, ProposalCollector, detect
from napari_tavis.engine.device import (
    Cancellable,
    choose_device,
    explain_out_of_memory,
    run_in_batches,
)
from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
from napari_tavis.engine.engine import Seen
from napari_tavis.engine.sampling import is_silent, sample_frames
from napari_tavis.media import Clip
from napari_tavis.model import TAViS
from napari_tavis.model.alignment import class_prompt, classify
from napari_tavis.model.features import EncodedFrames
from napari_tavis.model.precision import place

BATCH_FRAMES = 10  # that go through the model together: a whole AVSBench clip


def segment_clip(
    clip: Clip,
    model: TAViS,
    *,
    fps: float = 1.0,
    count: int | None = None,
    vocabulary: Sequence[str] | None = None,
    device: str = "auto",
    protocol: str | None = None,
    zero_shot: bool = False,
    batch_frames: int = BATCH_FRAMES,
    model_name: str | None = None,
    cache: FeatureCache | None = None,
    seen: Seen | None = None,
    task: Task | None = None,
) -> Proposals:
    """Propose the objects that sound in a clip.

    Frames are decoded and go through the model `batch_frames` at a time. The model's memory begins
    anew with each batch, so that a video of any length needs the memory of one batch: the first
    frame of a batch knows nothing of those before. Objects are linked across batches just as they
    are within (see `linking`). Where memory runs out, the batch is halved. Masks are kept
    compressed, and so are the logits that they were cut out of.

    What the encoders make of a frame depends neither on the vocabulary nor on the protocol: with a
    `cache` a second run on the same frames decodes masks and nothing else, and clicks in them are
    answered at once. In the zero-shot setting the regions are looked at anew each time.

    A clip without a soundtrack, or with a silent one, gives no objects and says so in `warnings`:
    nothing can sound in it.

    Parameters
    ----------
    model : TAViS
        The network; it is moved to the device.
    fps : float
        Sampled frames per second of video.
    count : int, optional
        So many frames evenly over the clip instead.
    vocabulary : sequence of str, optional
        Class names to choose from, besides the background; AVSBench's 70 by default.
    protocol : {"memory", "independent"}, optional
        Whether a frame sees the memory of those before it in its batch; by default where the
        model has one.
    zero_shot : bool
        Let the picture of each region have a say in its class, as the paper does for classes that
        were never trained on. It costs five vision passes a frame.
    batch_frames : int
        Frames at once, and frames after which the memory begins anew.
    model_name : str, optional
        What to call the model; its preset by default.
    cache : FeatureCache, optional
        Keeps encoded frames from run to run.
    seen : callable, optional
        Called with frames as they are decoded.
    task : Task, optional
        Gets the number of frames done; can cancel at any time, also in the middle of a batch.

    Returns
    -------
    Proposals
        The objects, best first, then what the model takes for background, then the scene mask,
        at the size of the video. The same clip and options give the same proposals, but for
        rounding where a cache has frames that were encoded in other batches.

    Raises
    ------
    InferenceError
        If an option makes no sense, the device is absent, or memory does not suffice.
    MediaError
        If the video cannot be decoded.
    Cancelled
        If `task` was cancelled.
    """
    task = task or Task()
    classes = check_vocabulary(vocabulary)
    device = choose_device(device)
    samples = sample_frames(clip, fps, count)
    result = Proposals(
        frame_indices=samples.indices,
        frame_times=samples.times,
        frame_size=clip.size,
        objects=[],
        model_name=model_name or model.config.preset,
        vocabulary=classes,
        frame_count=len(clip.times),
    )
    task.report(0, len(samples), "reading the soundtrack")
    silence = _silence(clip, task)
    if silence:
        result.warnings = (silence,)
        return result

    cache = FeatureCache(0) if cache is None else cache
    with explain_out_of_memory(), Cancellable(task):
        model = place(model, device, model.precision)
        prompts = [class_prompt(name) for name in (BACKGROUND, *classes)]
        texts = cache.make_way(lambda: model.embed_texts(prompts))
    segmenter = _Segmenter(
        FrameEncoder(clip, model, samples, cache, seen),
        samples.indices.tolist(),
        classes,
        texts,
        protocol,
        zero_shot,
        task,
    )
    found, smallest = ProposalCollector(clip.size), batch_frames
    task.report(0, len(samples), "segmenting frames")
    for start, stop, detections in run_in_batches(len(samples), batch_frames, segmenter.run):
        for frame in detections:
            found.add_frame(frame)
        if stop < len(samples):  # the last batch may be small for another reason
            smallest = min(smallest, stop - start)
        task.report(stop, len(samples), "segmenting frames")
    result.objects = found.proposals()
    result.warnings = _warnings(clip, result, smallest, batch_frames)
    return result


@dataclass(frozen=True)
class _Segmenter:
    """Takes stretches of the sampled frames through the model."""

    encoder: FrameEncoder
    frame_indices: list[int]
    classes: tuple[str, ...]
    texts: Tensor
    protocol: str | None
    zero_shot: bool
    task: Task

    def run(self, start: int, stop: int) -> list[FrameDetections]:
        """Segment the sampled frames ``start`` to ``stop - 1``, at the cost of kept ones."""
        return self.encoder.cache.make_way(lambda: self._segment(self.frame_indices[start:stop]))

    def _segment(self, indices: list[int]) -> list[FrameDetections]:
        """Encode and segment some frames."""
        model, clip = self.encoder.model, self.encoder.clip
        with Cancellable(self.task):
            rows = self.encoder.encode_together(indices, cues=True, task=self.task)
            found = model.segment_encoded(EncodedFrames.join(rows), self.protocol)
            seen = (
                model.embed_regions(clip.frames[indices], found.mask_logits)
                if self.zero_shot
                else None
            )
            probabilities = classify(found.audio_embedding, self.texts, seen)
            return detect(found, probabilities, indices, clip.size, self.classes)


def _silence(clip: Clip, task: Task) -> str:
    """Explain why there is nothing to hear in a clip; empty if there is something."""
    name = clip.path.name
    if not clip.has_soundtrack:
        return (
            f"{name} has no soundtrack, so nothing in it sounds and nothing was proposed: "
            f"add objects and paint them by hand."
        )
    if is_silent(clip, task):
        return (
            f"The soundtrack of {name} is silent, so nothing was proposed: "
            f"add objects and paint them by hand."
        )
    return ""


def _warnings(clip: Clip, result: Proposals, smallest: int, asked: int) -> tuple[str, ...]:
    warnings = []
    if smallest < asked:
        warnings.append(
            f"Memory ran short: {smallest} instead of {asked} frames went through the model at "
            f"once, so objects may be followed less well."
        )
    if not any(item.kind == "object" for item in result.objects):
        warnings.append(
            f"The model found no object of the vocabulary that sounds in {clip.path.name}: "
            f"try other class names or more frames per second, or add objects by hand."
        )
    return tuple(warnings)


def check_vocabulary(words: Sequence[str] | None) -> tuple[str, ...]:
    """Check the class names that a user asks for, and take out the background, always in play.

    None stands for AVSBench's 70. `InferenceError` if there is no class, an empty one, or a
    class twice.
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
        raise InferenceError(
            "The vocabulary is empty: give at least one class name, such as 'dog'."
        )
    return classes
