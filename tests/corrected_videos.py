"""Toy videos with sessions as a person leaves them who has corrected and accepted everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.tasks import Task
from napari_tavis.lab.toyworld.clip import write_scene_video
from napari_tavis.lab.toyworld.dataset import FPS
from napari_tavis.lab.toyworld.sampling import clip_seed, frame_times, sample_scene
from napari_tavis.lab.toyworld.scene import Camera, Scene
from napari_tavis.media import open_clip, window_starts


def write_corrected_videos(
    folder: Path,
    clips: int,
    seed: int,
    *,
    camera: Camera = "colour",
    size: int = 224,
    task: Task | None = None,
) -> list[Path]:
    """Write toy videos of five seconds, and beside each a session that is done.

    Parameters
    ----------
    folder : Path
        Where to; it is made.
    clips : int
        How many.
    seed : int
        Which: scene seeds are ``clip_seed(seed, 0)`` onwards.
    camera : {"colour", "thermal"}
        What films them.
    size : int
        Width and height in pixels, even.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    list of Path
        The videos.
    """
    task = task or Task()
    folder.mkdir(parents=True, exist_ok=True)
    videos = []
    for index in range(clips):
        task.report(index, clips, "drawing corrected videos")
        scene = replace(sample_scene(clip_seed(seed, index)), camera=camera)
        video = folder / f"{camera}{seed}-{index:04d}.mp4"
        write_scene_video(scene, video, size=size, fps=FPS, task=task.part())
        _annotate(scene, video, size)
        videos.append(video)
    return videos


def _annotate(scene: Scene, video: Path, size: int) -> None:
    """Paint the truth, and mark the video done."""
    times = frame_times(round(scene.duration))
    frames = [int(FPS * time) for time in times]
    shown = np.stack([scene.render(float(time), size)[1] for time in times])
    sounding = scene.sounding(window_starts(len(times), scene.duration))
    with open_clip(video) as clip:
        nothing = Proposals(
            np.array(frames), clip.times[frames], clip.size, [], frame_count=len(clip.times)
        )
    session = AnnotationSession.create(video, nothing)
    for number, class_name in enumerate(scene.class_names):
        item = session.add_object(class_name)
        for place, frame in enumerate(frames):
            mask = (shown[place] == number + 1) & sounding[place, number]
            session.set_mask(item.object_id, frame, mask)
    session.set_done(True)
    session.save()
    session.close()
