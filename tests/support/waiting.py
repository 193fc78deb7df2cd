"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 90.0
"""Far more than anything needs: on two busy processors a thread can get no time for seconds."""
Value = TypeVar("Value")


def until(reached: Callable[[], Value]) -> Value:
    """Return the first value of `reached` that is true."""
    end = time.monotonic() + SECONDS
    while not (value := reached()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value
