"""The rules of the package's structure, read from its imports."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import napari_tavis

PACKAGE = Path(napari_tavis.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = [
    {"core", "atomic", "workspace", "errors", "home", "tasks", "vocabulary", "display", ""},
    {"media"},
    {"model"},
    {"inference", "weights"},
    {"session"},
    {"avsbench", "formats"},
    {"evaluation"},
    {"training", "toyworld", "project", "benchmark"},
    {"workflow", "demo", "improvement"},
    {"cli", "widgets", "__main__"},
]
"""What may be imported by what stands further down, and by its own layer; "" is the top."""

WINDOWS = set("napari qtpy magicgui superqt PySide6 PyQt5 PyQt6 vispy pyqtgraph".split())
TORCH_FREE = {"core", "media", "session", "avsbench", "formats", "project", "weights"}
PICKLED_TENSOR = "avsbench/vggish.py"
"""The one file format with a tensor in it: imports torch inside the functions that need it."""


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


def room(path: Path) -> str:
    """Give the sub-package or top-level module a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def layer(name: str) -> int:
    """Give the position of a sub-package in the order of dependencies."""
    return next(index for index, names in enumerate(LAYERS) if name in names)


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_windows_only_in_widgets(path: Path) -> None:
    if room(path) == "widgets":
        return
    found = [name for name in imported_modules(path) if name.split(".")[0] in WINDOWS]
    assert not found, f"{relative(path)} imports {found}"


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in TORCH_FREE], ids=relative)
def test_no_torch_in_files_and_sessions(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    everywhere = {node for node in ast.walk(tree) if _imports_torch(node)}
    if relative(path) == PICKLED_TENSOR:
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        everywhere -= {node for function in functions for node in ast.walk(function)}
    assert not everywhere, f"{relative(path)} imports torch"


def _imports_torch(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in {"torch", "torchvision"} for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return str(node.module).split(".")[0] in {"torch", "torchvision"}
    return False


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_dependencies_run_one_way(path: Path) -> None:
    own = layer(room(path))
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] != "napari_tavis" or len(parts) == 1:
            continue
        is_room = (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").exists()
        used = parts[1] if is_room else ""  # a name of napari_tavis/__init__.py
        assert layer(used) <= own, f"{relative(path)} imports {name}"


def test_model_knows_no_files_of_videos() -> None:
    for path in (PACKAGE / "model").rglob("*.py"):
        assert not [name for name in imported_modules(path) if "napari_tavis.media" in name]


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


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_tavis",
        "import napari_tavis.media, napari_tavis.session, napari_tavis.avsbench",
        "import napari_tavis.inference, napari_tavis.inference.proposals",
        "import napari_tavis.formats, napari_tavis.project",
        "import napari_tavis.toyworld",
        "import napari_tavis.weights.installing",
        "import napari_tavis.cli",
    ],
)
def test_imports_without_torch_and_qt(statement: str) -> None:
    heavy = "{'torch', 'torchvision', 'sam2', 'qtpy', 'napari'}"
    code = f"import sys; {statement}; found = {heavy} & set(sys.modules); assert not found, found"
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
