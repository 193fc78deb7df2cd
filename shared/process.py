"""Makes processes that belong together end together."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

from shared.errors import VisceraError


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends.

    The setting survives `exec`. On systems other than Linux a thread watches the parent.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def die_with_supervisor() -> None:
    """Do the same for a process that `viscera serve` started; elsewhere (a container, a shell) do nothing.

    VISCERA_SUPERVISED is the supervisor's process id: the supervisor may have ended before this process started.
    """
    if supervisor := os.environ.get("VISCERA_SUPERVISED"):
        die_with_parent()
        if os.getppid() != int(supervisor):
            os.kill(os.getpid(), signal.SIGKILL)


def forbid_core_dumps() -> None:
    """Let a crash of this process and its children write no core file: their memory has scans and names."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def exclusive(path: Path) -> IO[str]:
    """Lock a data folder while the returned file is open.

    Raises VisceraError if another process has locked it.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise VisceraError(f"Another viscera is running in {path.parent}.", "embedded_system") from None
    return file


def main() -> None:
    """Run `python -P -m shared.process COMMAND...`: exec COMMAND, which ends with its parent."""
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
