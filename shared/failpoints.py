"""Failpoints: named places at which a test makes a process die, stop or wait, to prove that nothing is lost.

They do nothing unless VISCERA_FAULTS names a folder. A file `<stage>.<failpoint>` in it arms one fault. The first
process that reaches the failpoint renames the file and does what it says: `kill` (this process), `kill-worker` (its
whole session), `stop` (SIGSTOP), `segfault`, `loop` (endless) or `eat` (all memory). `kill JOB` stays armed and acts on
every process that reaches the failpoint with that job.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

POINTS = ("before-claim", "after-claim", "mid-work", "after-store", "after-commit", "after-notify")


def hit(stage: str, name: str, job_id: str = "") -> None:
    """Run the fault that is armed for this failpoint, if there is one."""
    folder = os.environ.get("VISCERA_FAULTS")
    if not folder:
        return
    armed = Path(folder) / f"{stage}.{name}"
    try:
        action, _, victim = armed.read_text().partition(" ")
        if victim and victim != job_id:
            return
        if not victim:
            armed.rename(armed.with_suffix(f".taken-{os.getpid()}"))
    except FileNotFoundError:
        return
    _ACTIONS[action]()


def _loop() -> None:
    while True:
        sum(range(1000))


def _eat() -> None:
    blocks = []
    while True:
        blocks.append(bytearray(1 << 26))


_ACTIONS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill-worker": lambda: os.killpg(os.getsid(0), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "segfault": lambda: ctypes.string_at(0),
    "loop": _loop,
    "eat": _eat,
}
