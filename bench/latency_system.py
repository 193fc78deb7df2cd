"""Runs the embedded system of the code that PYTHONPATH names, until standard input ends; prints URL, key and seconds.

The bench starts it, with the code of the commit that it measures.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

STARTED = time.monotonic()

from services.local import LocalSystem  # noqa: E402 - the imports belong to the time until the system is ready

if __name__ == "__main__":
    with LocalSystem(Path(sys.argv[1])) as system:
        system.wait_ready()
        ready = {"url": system.url, "key": system.key, "seconds": time.monotonic() - STARTED}
        print(json.dumps(ready), flush=True)
        sys.stdin.read()
