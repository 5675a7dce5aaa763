"""Comparing datasets file by file."""

from __future__ import annotations

from pathlib import Path


def tree_of(root: Path) -> dict[str, bytes]:
    """Give all files under a folder with their content, the lists' lock aside."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".avsbench.lock"
    }
