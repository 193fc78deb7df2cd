"""Places where a test can make a process die, stop or wait, to prove that nothing is lost there.

Nothing happens unless VISCERA_FAULTS names a folder. A file `<stage>.<point>` in it is one fault: whoever reaches the
point first takes the file away and does what it says: `kill` (this process), `kill-worker` (its whole session),
`stop` (SIGSTOP), `segfault`, `loop` (for ever) or `eat` (memory, until there is none). `kill JOB` stays and strikes
whoever comes by with that job.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

POINTS = ("before-claim", "after-claim", "mid-work", "after-store", "after-commit", "after-ring")


def point(stage: str, name: str, job_id: str = "") -> None:
    """Does what a waiting fault says."""
    folder = os.environ.get("VISCERA_FAULTS")
    if not folder:
        return
    armed = Path(folder) / f"{stage}.{name}"
    try:
        what, _, victim = armed.read_text().partition(" ")
        if victim and victim != job_id:
            return
        if not victim:
            armed.rename(armed.with_suffix(f".taken-{os.getpid()}"))
    except FileNotFoundError:
        return
    _STRIKES[what]()


def _loop() -> None:
    while True:
        sum(range(1000))


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(1 << 26))


_STRIKES = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill-worker": lambda: os.killpg(os.getsid(0), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "segfault": lambda: ctypes.string_at(0),
    "loop": _loop,
    "eat": _eat,
}
