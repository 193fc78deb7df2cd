"""Runs a network on one batch after another, as many at the same time as it allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.models.network import Network

Indices = NDArray[np.intp]


def outputs(
    network: Network, batches: Iterable[tuple[Indices, NDArray[Any]]]
) -> Iterator[tuple[Indices, NDArray[np.float32]]]:
    """Yield the output of each batch with its indices, in the order of the batches.

    The network works on the next batches while the caller uses an output.
    """
    with ThreadPoolExecutor(network.at_once) as pool:
        pending: deque[tuple[Indices, Future[NDArray[np.float32]]]] = deque()
        for indices, stacks in batches:
            pending.append((indices, pool.submit(network, stacks)))
            if len(pending) > network.at_once:
                done, output = pending.popleft()
                yield done, output.result()
        for indices, output in pending:
            yield indices, output.result()


def batch_size(network: Network, slices: int) -> int:
    """Return the slices of one batch where one call at a time takes `slices`: fewer where many calls share the work."""
    return slices if network.at_once == 1 else max(1, slices // 2)
