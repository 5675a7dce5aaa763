"""How the command line talks: help, errors, exit codes, interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import run

import napari_tavis
from napari_tavis.datasets.avsbench import DatasetError, open_dataset

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX has these")

COMMANDS = [
    "demo",
    "annotate",
    "export",
    "import",
    "validate",
    "stats",
    "toy",
    "toy-test",
    "train",
    "evaluate",
    "bench",
]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("empty", [["--output", ""], ["--output="]])
def test_an_empty_path_is_not_the_current_folder(
    empty: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("annotate", "clip.mp4", *empty) == 2
    assert "error: --output is empty" in capsys.readouterr().err


def test_an_empty_argument_is_not_the_current_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stats", "") == 2
    assert "error: An argument is empty" in capsys.readouterr().err


def test_a_wrong_value_names_the_command_that_explains_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("annotate", "clip.mp4", "--device", "tpu") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Invalid value for '--device': 'tpu' is not one of")
    assert error.endswith("See: napari-tavis annotate --help\n")


def test_without_arguments_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "annotate" in capsys.readouterr().out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {"demo", "validate"}])
def test_help_of_a_command_gives_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, "--help") == 0
    assert f"napari-tavis {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"napari-tavis {napari_tavis.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["paint"], "paint"),
        (["annotate"], "VIDEO"),
        (["annotate", "--colour", "red", "clip.mp4"], "--colour"),
        (["toy", "data", "--clips", "none", "--seed", "0"], "--clips"),
        (["toy", "data", "--clips", "0", "--seed", "0"], "--clips"),
        (["export", "a.tavis", "--dataset", "d", "--subset", "s5", "--split", "test"], "s5"),
        (["annotate", "missing.mp4", "--vocabulary", " , "], "vocabulary"),
        (["annotate", "missing.mp4", "--model", "missing.safetensors"], "missing.safetensors"),
        (["annotate", "missing.mp4", "--fps", "0"], "--fps"),
        (["export", "missing.tavis", "--dataset", "d", "--subset", "s4", "--split", "test"], ""),
        (["validate", "missing"], "missing"),
        (["evaluate", "--data", "missing", "--model", "toy", "--json", "r.json"], "missing"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str],
    named: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    output = capsys.readouterr()
    errors = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert named in errors[0]
    assert "Traceback" not in output.err
    assert output.out == ""
    assert list(tmp_path.iterdir()) == []


def run_stand_in(folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    """Run a command made up for a test in a process of its own, in a folder."""
    code = (
        "import os, shutil, signal\n"
        "from napari_tavis.cli.app import app\n"
        "@app.command()\n"
        f"def stand_in() -> None: {what}\n"
        "from napari_tavis.cli import main; main(['stand-in'])"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    result = run_stand_in(tmp_path, "1 / 0")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    ("what", "code", "sentence"),
    [
        ("shutil.rmtree(os.getcwd()); os.getcwd()", 2, "error: The system refuses"),
        ("open('x' * 300, 'w')", 2, "error: xxx"),
        ("bytearray(1 << 62)", 2, "error: The memory of this computer is used up"),
        ("open('a.txt', 'w').write(chr(0xD800))", 2, "error: A name or text holds characters"),
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "Cancelled."),
    ],
)
def test_what_is_not_ours_is_one_sentence(
    tmp_path: Path, what: str, code: int, sentence: str
) -> None:
    result = run_stand_in(tmp_path, what)
    assert result.returncode == code
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


@posix
@pytest.mark.parametrize("first", ["typer", "napari_tavis.cli.app", "rich.progress", "torch"])
@pytest.mark.parametrize("in_text", [False, True], ids=["plainly", "in an exec of text"])
def test_ctrl_c_is_answered_while_modules_are_imported(
    in_text: bool, first: str, tmp_path: Path
) -> None:
    press = "os.kill(os.getpid(), signal.SIGINT)"
    press = f'exec("{press}")' if in_text else press
    (tmp_path / "stand_in.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(name, *_):\n"
        f"        if name == {first!r}: {press}\n"
        "from napari_tavis.cli import main\n"
        "sys.meta_path.insert(0, Finder)\n"
        "sys.argv[1:] = ['toy-test', '--clips', '1', '--seed', '0', '--model', 'toy',"
        " '--json', 'x']\n"
        "main()"
    )
    command = [sys.executable, "-m", "stand_in"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "Cancelled.\n")


@posix
@pytest.mark.parametrize("command", ["--help", "--version", "weights list --json"])
@pytest.mark.parametrize(
    ("output", "words"),
    [("full", "is full"), ("closed", "Standard output is closed"), ("unread", "was closed before")],
)
def test_an_output_that_takes_nothing_is_a_sentence(
    command: str, output: str, words: str, tmp_path: Path
) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh"] if output == "closed" else []
    if output == "full":
        if not Path("/dev/full").exists():
            pytest.skip("the system has no full device")
        target = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    line = [*shell, sys.executable, "-m", "napari_tavis", *command.split()]
    environment = os.environ | {"NAPARI_TAVIS_HOME": str(tmp_path)}
    try:
        result = subprocess.run(
            line, stdout=target, stderr=subprocess.PIPE, text=True, env=environment
        )
    finally:
        os.close(target)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


@posix
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "<&-", "0<&- 2>&-"])
def test_errors_that_nobody_can_read_still_give_the_exit_code(redirection: str) -> None:
    line = f"{sys.executable} -m napari_tavis paint {redirection}"
    assert subprocess.run(["sh", "-c", line], capture_output=True).returncode == 2


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ["annotate", b"caf\xe9.mp4"],
        ["annotate", "clip.mp4", "--vocabulary", b"dog,caf\xe9"],
        ["stats", b"caf\xe9"],
        ["weights", "import", b"caf\xe9.pth", "--yes"],
    ],
)
def test_what_is_not_utf_8_is_refused_before_anything_is_done(
    arguments: list[str | bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "napari_tavis", *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert result.returncode == 2
    assert b"is not UTF-8" in result.stderr
    assert result.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["toy-test", "--model", "toy", "--clips", "1", "--seed", "0", "--json"],
        ["stats", ".", "--json"],
        ["bench", "--model", "toy", "--json"],
        ["evaluate", "--data", ".", "--model", "toy", "--json"],
        ["evaluate", "--data", ".", "--model", "toy", "--report"],
        ["train", "--config", "toy", "--output"],
        ["ablate", "--smoke", "--output"],
        ["demo", "--no-gui", "--output"],
        ["annotate", "a.mp4", "--output"],
        ["import", ".", "--output"],
        ["weights", "where", "--set"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("place", ["file/inside", "x" * 300, "/proc/version/x"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(
    arguments: list[str],
    place: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert run(*arguments, place) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert place[:20] in output.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@posix
def test_a_disk_without_room_is_a_sentence(tmp_path: Path) -> None:
    """The system's limit on the size of files stands in for a full disk."""
    commands = [
        "toy data --clips 1 --seed 0 --size 64",
        "stats . --json a.json",
        "train --config toy --output run",
        "weights where --set elsewhere",
    ]
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from napari_tavis.cli import main\n"
        "for command in sys.argv[1:]:\n"
        "    try: main(command.split())\n"
        "    except SystemExit as end: print(end.code, flush=True)"
    )
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code, *commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == ["2"] * len(commands)
    lines = result.stderr.splitlines()
    assert len(lines) == len(commands)
    assert all(line.startswith("error: ") for line in lines)


def test_what_the_output_cannot_encode_is_written_out(tmp_path: Path) -> None:
    (tmp_path / "straße 犬").mkdir()
    (tmp_path / "straße 犬" / "label2idx.json").write_text("{", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "napari_tavis", "validate", str(tmp_path / "straße 犬")],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "\\u72ac" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("video", [".", "/"])
def test_what_names_no_video_is_refused(video: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("annotate", video) == 2
    assert "is not a video" in capsys.readouterr().err


def test_two_videos_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = [tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"]
    assert run("annotate", *videos, "--output", tmp_path / "out") == 2
    assert "clip.mp4.tavis" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that ``toy`` has written."""
    data = tmp_path_factory.mktemp("toy") / "data"
    assert run("toy", data, "--clips", "3", "--seed", "2", "--size", "96") == 0
    return data


def test_toy_writes_a_dataset_that_validate_passes(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(toy_data, tmp_path / "data")
    assert run("validate", data) == 0
    picture = next(data.rglob("*.png"))
    picture.write_bytes(b"not a picture")
    capsys.readouterr()
    assert run("validate", data) == 1
    assert str(picture.name) in capsys.readouterr().out


def test_toy_test_writes_its_results(tmp_path: Path) -> None:
    results = tmp_path / "results" / "toy.json"
    assert run("toy-test", "--model", "toy", "--clips", "1", "--seed", "3", "--json", results) == 0
    written = json.loads(results.read_text())
    assert written["clips"] == 1
    for protocol in ("independent", "memory"):
        assert 0 <= written[protocol]["M_J"] <= 1
    assert 0 <= written["by_hand"]["click"] <= 1


def test_evaluate_writes_its_results(toy_data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    subset = next(name for name in ("v1s", "v1m") if clips_in(toy_data, name))
    arguments = ["--model", "toy", "--json", results, "--subset", subset, "--split", "test"]
    assert run("evaluate", "--data", toy_data, *arguments) == 0
    written = json.loads(results.read_text())
    assert 0 <= written["M_J"] <= 1


def clips_in(data: Path, subset: str) -> int:
    """Give how many test clips a subset holds."""
    try:
        return len(open_dataset(data, subset, "test"))
    except DatasetError:
        return 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_an_interrupted_command_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "napari_tavis", "toy", data, "--clips", "500", "--seed", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.rglob("*.mp4")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "Cancelled."
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
