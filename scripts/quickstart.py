"""Run the demo or the tests from a fresh clone: sets up everything, needs only Python.

    python3 scripts/quickstart.py demo
    python3 scripts/quickstart.py test

The first run makes a virtual environment in ``.venv`` and installs napari-tavis into it;
later runs reuse it. What follows ``demo`` or ``test`` is passed on to ``napari-tavis demo``
or to ``pytest``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
RECORD = ENVIRONMENT / "napari-tavis-setup.json"
EXTRAS = "all,test"

COMMANDS = {
    "demo": ["-m", "napari_tavis", "demo"],
    # worksteal keeps neighbours together, which share what fixtures make, and no core idle
    "test": [
        *("-m", "pytest", "-m", "not slow"),
        *("-n", "auto", "--maxprocesses=4", "--dist=worksteal"),
    ],
}


class SetupError(Exception):
    """Something that the person who runs this script has to mend; the message says what."""


def main(arguments: list[str]) -> int:
    """Set up the environment and run one command in it."""
    if not arguments or arguments[0] not in COMMANDS:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    try:
        check_python()
        set_up()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Cancelled. Run the command again to set up anew.", file=sys.stderr)
        return 130
    command = [str(PYTHON), *COMMANDS[arguments[0]], *arguments[1:]]
    try:
        return subprocess.call(command, cwd=ROOT)
    except KeyboardInterrupt:
        return 130


def check_python() -> None:
    """Make sure that this Python can make the environment."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"napari-tavis needs Python {wanted} or newer and this is {found}; "
            "install a newer Python and run this script with it."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            "this Python cannot make virtual environments; install its venv package "
            "(Debian and Ubuntu: sudo apt install python3-venv) and run this script again."
        ) from None


def set_up() -> None:
    """Bring ``.venv`` to the state that ``pyproject.toml`` asks for."""
    wanted = {"python": list(sys.version_info[:2]), "requirements": requirements_digest()}
    found = read_record()
    if found == wanted and environment_works():
        return
    if found is None and (ENVIRONMENT / "pyvenv.cfg").exists():
        raise SetupError(
            f"{ENVIRONMENT} was not made by this script; rename it, or install into it "
            f'yourself: pip install -e ".[{EXTRAS}]"'
        )
    outdated = found is not None and found.get("python") == wanted["python"]
    if outdated and environment_works():
        say("The requirements have changed: bringing .venv up to date.")
        install()
    else:
        make_environment()
        install()
    if not environment_works():
        raise SetupError(
            f"the environment in {ENVIRONMENT} does not work; delete it and try again."
        )
    RECORD.write_text(json.dumps(wanted))
    say("Ready.")


def requirements_digest() -> str:
    """Give a digest of everything that decides what has to be installed."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def read_record() -> dict[str, object] | None:
    """Read what an earlier run installed: empty if it did not finish, None if there was none."""
    try:
        record = json.loads(RECORD.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def environment_works() -> bool:
    """Whether the environment's Python runs and finds this clone of napari-tavis."""
    check = "import napari_tavis; print(napari_tavis.__file__)"
    try:
        answer = subprocess.run(
            [PYTHON, "-I", "-c", check], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return ROOT in Path(answer.stdout.strip()).resolve().parents


def make_environment() -> None:
    """Make ``.venv`` anew; the record comes first, so that an unfinished one is recognised."""
    if ENVIRONMENT.exists():
        say("The environment in .venv is incomplete or broken: making it anew.")
        try:
            shutil.rmtree(ENVIRONMENT)
        except OSError as error:
            raise SetupError(f"could not remove {ENVIRONMENT}: {error}") from error
    else:
        say("Making a virtual environment in .venv.")
    ENVIRONMENT.mkdir()
    RECORD.write_text("{}")
    run("make the virtual environment", sys.executable, "-m", "venv", ENVIRONMENT)


def install() -> None:
    """Install napari-tavis as an editable package.

    Building sam2 needs torch: in pip's isolated build environment that would be a second
    copy of several gigabytes, so torch comes first and sam2 is built with that one.
    """
    torch, sam2 = requirement("torch"), requirement("sam2")
    say("Installing PyTorch (the largest part: up to 3 GB to fetch, some minutes) ...")
    pip("PyTorch", torch, "torchvision", "setuptools", "wheel")
    say("Installing SAM 2 ...")
    pip("SAM 2", "--no-build-isolation", sam2, SAM2_BUILD_CUDA="0")
    say("Installing napari-tavis, napari and the rest ...")
    pip("napari-tavis", "--editable", f"{ROOT}[{EXTRAS}]")


def requirement(name: str) -> str:
    """Give the requirement on a package as ``pyproject.toml`` states it."""
    import tomllib  # new in Python 3.11: not at the top, so that an older Python gets our message

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [item for item in project["dependencies"] if item.startswith((f"{name}>", f"{name}="))]
    return str(found[0])


def pip(what: str, *arguments: str, **environment: str) -> None:
    """Install with the environment's own pip, saying only what goes wrong."""
    command = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(
        f"install {what}; if the network could not be reached, run this again when it can be "
        "(what was fetched is kept)",
        *command,
        *arguments,
        **environment,
    )


def run(what: str, *command: object, **environment: str) -> None:
    """Run one step of the set-up."""
    try:
        subprocess.run(
            [str(part) for part in command], check=True, env={**os.environ, **environment}
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"could not {what}.") from error


def say(message: str) -> None:
    """Tell what happens, at once."""
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
