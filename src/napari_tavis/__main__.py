"""Run the command line as ``python -m napari_tavis``."""

from __future__ import annotations

from napari_tavis.cli import main

if __name__ == "__main__":
    main()
