"""The command line: thin commands over the packages that do the work."""

from __future__ import annotations

from napari_tavis.cli.app import app, main

__all__ = ["app", "main"]
