"""Threads for the mesher: NumPy and SciPy release the interpreter lock while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = min(4, os.cpu_count() or 1)


class Map(Protocol):
    """The builtin `map` or the one of an executor: results come in the order of the items."""

    def __call__(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterable[Result]:
        """Apply `function` to every item."""
        ...
