"""Imports torch into a process that draws with OpenGL already."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

_MAPS = Path("/proc/self/maps")


def import_torch() -> None:
    """Import torch, safely after napari's canvas has loaded Mesa.

    Mesa's drivers for processors and some GPUs bring LLVM, and so does triton, which torch
    imports on Linux. Triton's would find its symbols in Mesa's other version of LLVM, and the
    process would end in a segmentation fault. Triton is imported first, bound to its own symbols.
    """
    if _mesa_has_loaded_llvm() and "triton" not in sys.modules and _is_installed("triton"):
        flags = sys.getdlopenflags()
        sys.setdlopenflags(os.RTLD_NOW | os.RTLD_DEEPBIND)
        try:
            importlib.import_module("triton")
        except ImportError:
            pass  # torch does without
        finally:
            sys.setdlopenflags(flags)
    importlib.import_module("torch")


def _mesa_has_loaded_llvm() -> bool:
    return _MAPS.is_file() and "libLLVM" in _MAPS.read_text(errors="replace")


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
