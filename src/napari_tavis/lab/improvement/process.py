"""Improving a model in a process of its own, so that the window of napari stays responsive.

Learning keeps all cores, or the GPU, busy for minutes; in a thread it would share Python with the
window. The two processes speak in lines of JSON: the request goes in, progress and at last a result
or an error come out. The process that learns ends when its input does: nothing stays behind when
napari is closed or killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import IO, Any

from napari_tavis.core.errors import ImprovementError, TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest

_POLL = 0.2  # seconds after which a cancel is noticed
_PATIENCE = 60.0  # seconds that the process has for its step, once it is asked to stop
_LAST_WORDS = 2000  # characters of a traceback that are reported


def improve_in_process(
    request: ImprovementRequest,
    task: Task | None = None,
) -> Improvement:
    """Do what `improve` does, in another process; progress is reported by the calling thread.

    Raises what `improve` raises, and `ImprovementError` if the process ends otherwise, as when
    memory runs out.
    """
    task = task or Task()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = _ErrorReader(process.stderr)
    ended = threading.Event()
    watcher = threading.Thread(target=_stop_when_asked, args=(process, task, ended))
    watcher.start()
    answer: dict[str, Any] = {}
    try:
        process.stdin.write(request.to_json() + "\n")
        process.stdin.flush()
        for line in process.stdout:
            answer = _read(line) or answer  # the last one is the result, or the error
            if "progress" in answer:
                task.report(*answer["progress"])
        process.wait()
    except BrokenPipeError:  # it ended before it had read the request
        process.wait()
    finally:
        ended.set()
        watcher.join()
        _end(process)
    task.check()
    if "result" in answer:
        return Improvement.from_json(answer["result"])
    if "error" in answer:
        raise ImprovementError(answer["error"])
    raise ImprovementError(_reason_it_ended(process.returncode, errors.text))


def _reason_it_ended(code: int, errors: str) -> str:
    """Say that the process ended without an answer."""
    if code < 0 or not errors:
        return (
            f"The process that learns was ended ({code}), and nothing is installed. Memory may "
            "have run out: close other programs, or choose a smaller model."
        )
    return f"Learning has failed, and nothing is installed: {errors}"


class _ErrorReader(threading.Thread):
    """Reads what a process writes of defects, so that it never waits for a reader."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self._stream, self._said = stream, ""
        self.start()

    def run(self) -> None:
        for line in self._stream:
            self._said = (self._said + line)[-_LAST_WORDS:]

    @property
    def text(self) -> str:
        self.join(1.0)
        return self._said.strip()


def _stop_when_asked(process: subprocess.Popen[str], task: Task, ended: threading.Event) -> None:
    """End the process's input when a cancel is asked for, and the process if that is no help."""
    while not ended.wait(_POLL):
        if task.cancelled:
            assert process.stdin is not None
            process.stdin.close()
            if not ended.wait(_PATIENCE):
                process.kill()
            return


def _end(process: subprocess.Popen[str]) -> None:
    """Leave no process and no open pipe."""
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):  # the third is still being read
        if stream is not None and not stream.closed:
            stream.close()


def _read(line: str) -> dict[str, Any]:
    """Read a line; empty for what a library printed."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _serve() -> None:
    """Be the process that learns."""
    from napari_tavis.lab.improvement.finetuning import improve

    out, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    request = ImprovementRequest.from_json(sys.stdin.readline())

    def say(**message: object) -> None:
        print(json.dumps(message), file=out, flush=True)

    def listen() -> None:
        sys.stdin.read()
        task.cancel()

    last: list[object] = []

    def report(*news: object) -> None:
        if last != [*news]:  # some work reports more often than it gets on
            last[:] = news
            say(progress=last)

    task = Task(report)

    threading.Thread(target=listen, daemon=True).start()
    try:
        found = improve(request, task=task)
    except Cancelled:
        return
    except TavisError as error:
        say(error=str(error))
    else:
        say(result=found.to_json())


if __name__ == "__main__":
    _serve()
