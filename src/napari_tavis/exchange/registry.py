"""The formats of whole videos by their names."""

from __future__ import annotations

from napari_tavis.exchange.coco import CocoVideos
from napari_tavis.exchange.davis import Davis
from napari_tavis.exchange.overlay import OverlayVideos
from napari_tavis.exchange.request import Format
from napari_tavis.exchange.videos import VideoFormat
from napari_tavis.exchange.youtube_vos import YouTubeVos

VIDEO_FORMATS: dict[Format, VideoFormat] = {
    "coco": CocoVideos(),
    "davis": Davis(),
    "youtube-vos": YouTubeVos(),
    "overlay": OverlayVideos(),
}
"""All but AVSBench, which holds stretches of videos."""
