"""What the installed package and the built wheel hold."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_tavis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the tools that are installed here."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target]
    built = subprocess.run([*command, ROOT], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = target.glob("*.whl")
    return path


def test_manifest_of_the_installed_package_is_valid() -> None:
    manifest = PluginManifest.from_distribution("napari-tavis")
    assert manifest.contributions.readers
    assert manifest.contributions.widgets
    assert manifest.contributions.sample_data


@pytest.mark.gui
def test_what_the_manifest_names_can_be_imported() -> None:
    PluginManifest.from_distribution("napari-tavis").validate_imports()


def test_manifest_at_the_top_is_the_one_in_the_package() -> None:
    packaged = ROOT / "src" / "napari_tavis" / "napari.yaml"
    assert not packaged.is_symlink()
    linked = ROOT / "napari.yaml"
    if linked.is_symlink():  # a checkout without links (Windows) has a file with the target's path
        assert linked.resolve() == packaged


@pytest.mark.parametrize(
    "name",
    [
        "napari.yaml",
        "py.typed",
        "lab/toyworld/checkpoints/toy.safetensors",
        "lab/toyworld/checkpoints/toy.md",
        "evaluation/templates/report.html.j2",
        "widgets/__init__.py",
    ],
)
def test_wheel_holds(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert f"napari_tavis/{name}" in archive.namelist()


def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"napari_tavis", f"napari_tavis-{napari_tavis.__version__}.dist-info"}


@pytest.mark.gui
def test_manifest_of_the_wheel_is_valid(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import napari_tavis, npe2\n"
        "npe2.PluginManifest.from_distribution('napari-tavis').validate_imports()\n"
        "print(napari_tavis.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_relative_to(tmp_path)


def test_bundled_checkpoint_is_small() -> None:
    checkpoint = Path(napari_tavis.__file__).parent / "lab/toyworld/checkpoints/toy.safetensors"
    assert checkpoint.stat().st_size <= 14e6


def test_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="napari-tavis")
    assert command.load() is not None
