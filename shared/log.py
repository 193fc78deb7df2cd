"""One JSON line per log record on standard error; job ids and stages yes, personal data never."""

from __future__ import annotations

import json
import logging
import sys
import time

_KNOWN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message and whatever `extra` held."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; of an exception only its kind and place are told, its text may hold personal data."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.exc_info and record.exc_info[1] is not None:
            error, trace = record.exc_info[1], record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
            line["error"] = f"{type(error).__name__} in {place}"
        return json.dumps(line, default=str)


def configure(level: str = "INFO") -> None:
    """Sends every record of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
