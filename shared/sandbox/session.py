"""A child of the sandbox that serves many requests on the files of one folder.

A child needs a second to start, and a PACS sends one instance after another and waits for each answer. What a hostile
instance does to the child can reach later instances of the same session only: one session serves one sender.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from shared import errors, sandbox

LONGEST = 1 << 20
"""Bytes of one answer."""


class Session:
    """A child that starts with the first call, and again after it died; a session belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    def call(self, name: str, seconds: float = sandbox.SECONDS, **arguments: Any) -> dict[str, Any]:
        """Run a function of `shared.dicom.decoding` on files of the folder, as `sandbox.call` does.

        Raises its `BadScan`, and Unavailable on a machine that is too busy to answer.
        """
        if name not in sandbox.CALLS:
            raise ValueError(f"not a call of the sandbox: {name}")
        child = self._running()
        used = sandbox.cpu_seconds(child.pid)
        request = {"call": name, "arguments": arguments, "seconds": seconds}
        try:
            _write(child.stdin, request)
            answer = _line(child.stdout, seconds + sandbox.GRACE)
        except TimeoutError as error:
            used = sandbox.cpu_seconds(child.pid) - used
            self.close()
            raise sandbox.too_late(used, seconds) from error
        except OSError as error:
            raise sandbox.died(self.close()) from error
        return sandbox.parsed(answer)

    def close(self) -> int | None:
        """End the child; return how it ended, None if there was none."""
        child, self._child = self._child, None
        if child is None:
            return None
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return child.wait(1.0)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            environment, pipe = sandbox.environment() | {"TMPDIR": str(self.folder)}, subprocess.PIPE
            self._child = subprocess.Popen(
                [sys.executable, *sandbox.ARGUMENTS],
                env=environment,
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            _write(self._child.stdin, {"folder": str(self.folder)})
        return self._child


def _write(pipe: IO[bytes] | None, request: dict[str, Any]) -> None:
    if pipe is not None:
        pipe.write(json.dumps(request).encode() + b"\n")


def _line(pipe: IO[bytes] | None, seconds: float) -> bytes:
    """Return the next line. Raises TimeoutError, or BrokenPipeError where the child ended or writes without end."""
    if pipe is None:
        raise errors.Unavailable("The sandbox has no output.", "busy")
    until, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0.0))
        if not ready:
            raise TimeoutError
        chunk = pipe.read(LONGEST)
        line += chunk
        if not chunk or len(line) > LONGEST:
            raise BrokenPipeError
    return line
