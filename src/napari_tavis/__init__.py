"""Semi-automatic annotation of what sounds in video: TAViS as a napari plugin."""

from __future__ import annotations

__version__ = "0.1.0"
