"""Making the segmentation backbone that a configuration asks for."""

from __future__ import annotations

from napari_tavis.core.errors import ModelError
from napari_tavis.model.backbone import SegmentationBackbone
from napari_tavis.model.sam2_segmenter import SoundPromptedSam2
from napari_tavis.model.segmenter_config import SamConfig, SegmenterConfig


def build_segmenter(config: SegmenterConfig, image_size: int) -> SegmentationBackbone:
    """Build the model that segments.

    Parameters
    ----------
    config : Sam2Config or SamConfig
        Sizes.
    image_size : int
        Pixels per side.

    Raises
    ------
    ModelError
        If it needs a package that is not installed.
    """
    if isinstance(config, SamConfig):
        try:
            from napari_tavis.model.sam_segmenter import SoundPromptedSam
        except ModuleNotFoundError as error:
            raise ModelError(
                f"Models on SAM need the package {error.name}, which is not installed: "
                "pip install 'napari-tavis[sam]'."
            ) from error
        return SoundPromptedSam(config, image_size)
    return SoundPromptedSam2(config, image_size)
