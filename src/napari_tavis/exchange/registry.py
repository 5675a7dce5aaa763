"""The formats of whole videos by their names."""

from __future__ import annotations

from napari_tavis.datasets.coco import CocoVideos
from napari_tavis.datasets.davis import Davis
from napari_tavis.datasets.overlay_video import OverlayVideos
from napari_tavis.datasets.tracks import VideoFormat
from napari_tavis.datasets.youtube_vos import YouTubeVos
from napari_tavis.exchange.request import Format

VIDEO_FORMATS: dict[Format, VideoFormat] = {
    "coco": CocoVideos(),
    "davis": Davis(),
    "youtube-vos": YouTubeVos(),
    "overlay": OverlayVideos(),
}
"""All but AVSBench, which holds stretches of videos."""
