"""Work side by side: numpy and scipy let other threads run while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")
THREADS = min(4, os.cpu_count() or 1)


class Beside(Protocol):
    """What `map` does, in order but perhaps at the same time: the builtin, or a pool's."""

    def __call__(self, make: Callable[[Given], Made], given: Iterable[Given], /) -> Iterable[Made]:
        """What is made of each."""
        ...
