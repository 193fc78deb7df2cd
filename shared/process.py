"""Processes that belong together end together."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from shared.errors import VisceraError


def die_with_parent() -> None:
    """Asks the kernel to end this process when the process that started it ends, however that happens.

    Survives `exec`. On systems without that service a thread watches the parent instead.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def die_with_supervisor() -> None:
    """The same for a process that `viscera serve` started; elsewhere (a container, a shell) it does nothing.

    VISCERA_SUPERVISED is the supervisor's process id: it may have ended before this process came to ask.
    """
    if supervisor := os.environ.get("VISCERA_SUPERVISED"):
        die_with_parent()
        if os.getppid() != int(supervisor):
            os.kill(os.getpid(), signal.SIGKILL)


def exclusive(path: Path) -> IO[str]:
    """Holds a data folder's lock file for as long as it stays open; raises VisceraError if another process does."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise VisceraError(f"Another viscera is running in {path.parent}.", "embedded_system") from None
    return file


def main() -> None:
    """`python -P -m shared.process COMMAND...` becomes COMMAND, which ends with the process that started it."""
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
