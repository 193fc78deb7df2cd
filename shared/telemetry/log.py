"""Logs one JSON line per record to standard error; with job ids and stages, never with personal data."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.telemetry import trace

_KNOWN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}

_fields: ContextVar[dict[str, object] | None] = ContextVar("fields", default=None)


@contextmanager
def fields(**values: object) -> Iterator[None]:
    """Add fields (job, stage, tenant) to every line that this thread logs while the context lasts."""
    token = _fields.set((_fields.get() or {}) | values)
    try:
        yield
    finally:
        _fields.reset(token)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; of an exception only its type and place, because its text may contain personal
        data.
        """
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (trace_id := trace.current()) is not None:
            line["trace"] = trace_id
        line |= _fields.get() or {}
        line |= {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.exc_info and record.exc_info[1] is not None:
            error, at = record.exc_info[1], record.exc_info[2]
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            place = f"{at.tb_frame.f_code.co_name}:{at.tb_lineno}" if at else "?"
            line["error"] = f"{type(error).__name__} in {place}"
        return json.dumps(line, default=str)


def configure(level: str = "INFO") -> None:
    """Send every record of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def silence(*names: str) -> None:
    """Log nothing of these libraries, whose messages quote what they read."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
