"""Batches of augmented examples, drawn from groups of scans; every batch depends only on the seed and its number."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.imaging.preprocess import BODY
from training.augment import Augment, vary
from training.cases import UNKNOWN, Scan

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """One slice that can be drawn, with its chance relative to the others of its group."""

    scan: Scan
    index: int
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Slices of one kind; `share` is the part of all examples that comes from them."""

    name: str
    share: float
    slots: list[Slot]


def group(name: str, share: float, scans: list[Scan], empty: float = 0.2) -> Group:
    """All slices of some scans; slices without an organ are drawn `empty` times as often as those with one."""
    slots = []
    for scan in scans:
        for index, labels in enumerate(scan.labels):
            shown = bool(((labels > 0) & (labels < UNKNOWN)).any())
            if shown or not (labels == UNKNOWN).all():
                slots.append(Slot(scan, index, 1.0 if shown else empty))
    return Group(name, share if slots else 0.0, slots)


@dataclass(frozen=True, slots=True, eq=False)
class Drawer:
    """Draws batches: float (n, 3, *size) and int64 labels (n, *size), -1 where nothing is known."""

    groups: list[Group]
    size: tuple[int, int] = (192, 256)
    count: int = 8
    how: Augment = field(default_factory=Augment)
    seed: int = 0

    def __call__(self, number: int) -> Batch:
        """Batch `number`."""
        rng = np.random.default_rng((self.seed, number))
        examples = [self._one(rng) for _ in range(self.count)]
        images = torch.from_numpy(np.stack([image for image, _ in examples]))
        labels = torch.from_numpy(np.stack([marks for _, marks in examples]).astype(np.int64))
        labels[labels == UNKNOWN] = -1
        return images, labels

    def _one(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        shares = np.array([one.share for one in self.groups])
        chosen = self.groups[rng.choice(len(shares), p=shares / shares.sum())]
        chances = np.array([slot.chance for slot in chosen.slots])
        slot = chosen.slots[rng.choice(len(chances), p=chances / chances.sum())]
        image = np.stack([slot.scan.image[i] for i in slot.scan.neighbours(slot.index)], axis=-1)
        picture = slot.scan.image[slot.index]
        labels = slot.scan.labels[slot.index]
        return vary(rng, image, labels, centre=middle(picture), size=self.size, how=self.how)


def middle(image: NDArray[np.uint8]) -> tuple[float, float]:
    """The middle (row, column) of the body in a slice, where serving puts the middle of its window."""
    centre = []
    for axis in (0, 1):
        where = np.flatnonzero((image > BODY).mean(axis=1 - axis) > 0.05)
        centre.append((where[0] + where[-1]) / 2 if where.size > 20 else (image.shape[axis] - 1) / 2)
    return float(centre[0]), float(centre[1])


def ahead(make: Callable[[int], Batch], start: int, stop: int, depth: int = 4) -> Iterator[Batch]:
    """Batches `start` to `stop`, made in a thread beside the training."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(depth)
    done = threading.Event()

    def work() -> None:
        for number in range(start, stop):
            if done.is_set():
                return
            try:
                ready.put(make(number))
            except BaseException as error:
                ready.put(error)
                return

    threading.Thread(target=work, daemon=True).start()
    try:
        for _ in range(start, stop):
            one = ready.get()
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        done.set()
        while not ready.empty():
            ready.get_nowait()
