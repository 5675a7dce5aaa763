"""One writer to a session: whoever comes second is told."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"


class SessionLock:
    """The lock of a session's directory.

    The system lets go of it when the process ends, however that happens, and when this object is
    no longer used.

    Parameters
    ----------
    directory : Path
        The session's directory; it exists.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # acquired in one thread and released in another, where a job opened the session
        self._lock = FileLock(directory / LOCK_FILE, thread_local=False)

    def acquire(self) -> str | None:
        """Take the lock, without waiting.

        Returns
        -------
        str or None
            None if it is taken; else a sentence that says why not.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return (
                f"{self._directory} is open in another window or process already, so it is open "
                f"for reading only here: close it there, then open it again."
            )
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            return (
                f"{self._directory} cannot be written to ({reason}), so it is open for reading "
                f"only: grant access there, then open it again."
            )
        return None

    def release(self) -> None:
        """Let go of the lock."""
        self._lock.release(force=True)
