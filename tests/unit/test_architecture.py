"""What imports bring along; which way they may go is for import-linter (see pyproject.toml)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import napari_tavis

PACKAGE = Path(napari_tavis.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(path: Path) -> list[str]:
    """Give the dotted names of all modules a file imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            names.append(node.module)
            if node.module == "napari_tavis":
                names += [f"napari_tavis.{alias.name}" for alias in node.names]
    return names


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_third_party_imports_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    declared = {_distribution(name) for name in (*project["dependencies"], *extras)}
    providers = packages_distributions()
    for path in MODULES:
        for name in imported_modules(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top == "napari_tavis":
                continue
            found = {_distribution(provider) for provider in providers.get(top, [top])}
            assert found & declared, f"{relative(path)} imports {top}, not in pyproject.toml"


def _distribution(requirement: str) -> str:
    name = requirement.split(";")[0]
    for end in "[<>=!~ ":
        name = name.split(end)[0]
    return name.strip().lower().replace("_", "-")


def test_imports_without_torch_and_qt() -> None:
    code = (
        "import importlib, sys\n"
        "for name in ('', '.media', '.annotation', '.annotation.proposals', '.datasets.avsbench',\n"
        "             '.engine', '.exchange', '.project', '.lab.toyworld', '.weights.installing',\n"
        "             '.cli'):\n"
        "    importlib.import_module(f'napari_tavis{name}')\n"
        "    found = {'torch', 'torchvision', 'sam2', 'qtpy', 'napari'} & set(sys.modules)\n"
        "    assert not found, (name, found)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_datasets_are_read_without_sessions() -> None:
    code = (
        "import sys, napari_tavis.datasets.avsbench, napari_tavis.lab.training.samples\n"
        "assert not {'sqlite3', 'napari_tavis.annotation.session'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_help_imports_no_torch() -> None:
    code = (
        "import sys\n"
        "from napari_tavis.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "annotate" in result.stdout
