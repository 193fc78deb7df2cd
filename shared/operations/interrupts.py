"""How a program ends when its user or its supervisor interrupts it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 130
"""128 plus the number of SIGINT, as shells report it."""


@contextmanager
def exit_when_interrupted() -> Iterator[threading.Event]:
    """Exit with status 130 after SIGINT or SIGTERM, whatever the code in the block raises; the event is set then.

    Native code can turn the KeyboardInterrupt into an error of its own (pydantic's serialiser does), or drop it.
    A program that was started with SIGINT ignored, as a shell does in the background, continues to ignore it.
    """
    interrupted = threading.Event()

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    names = [name for name in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(name) != signal.SIG_IGN]
    before = {name: signal.signal(name, interrupt) for name in names}
    try:
        yield interrupted
    except KeyboardInterrupt:
        sys.exit(STATUS)
    except Exception:
        if not interrupted.is_set():
            raise
        sys.exit(STATUS)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    if interrupted.is_set():
        sys.exit(STATUS)
