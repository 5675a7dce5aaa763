"""The manifest: one real file in the package, a link to it at the top of the repository."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

import pytest
from npe2 import PluginManifest

from napari_tavis.widgets.reader import VIDEO_SUFFIXES

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-tavis")


def test_the_installed_manifest_is_the_one_at_the_top_of_the_repository(
    manifest: PluginManifest,
) -> None:
    link = REPOSITORY / "napari.yaml"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    here = PluginManifest.from_file(link)
    assert here.contributions == manifest.contributions


def test_every_command_can_be_imported(manifest: PluginManifest) -> None:
    manifest.validate_imports()
    commands = manifest.contributions.commands or []
    assert {command.id for command in commands} == {
        "napari-tavis.read_video",
        "napari-tavis.toy_clip",
        "napari-tavis.annotate",
    }


def test_the_reader_is_offered_for_what_it_reads(manifest: PluginManifest) -> None:
    (reader,) = manifest.contributions.readers or []
    assert set(reader.filename_patterns) == {f"*{suffix}" for suffix in VIDEO_SUFFIXES}


def test_the_entry_point_names_the_manifest() -> None:
    (entry,) = distribution("napari-tavis").entry_points.select(group="napari.manifest")
    assert entry.value == "napari_tavis:napari.yaml"
