"""Batches of augmented examples, drawn from groups of scans; a batch depends only on the seed and its number."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from shared.arrays import Float32, UInt8
from shared.imaging.preprocess import BODY
from training.dataset.augment import AugmentConfig, augment
from training.dataset.cases import IGNORE, Scan, shows_organ

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class SliceRef:
    """One slice that can be drawn; `weight` is its probability relative to the others of its group."""

    scan: Scan
    index: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Slices of one kind; `share` is the fraction of all examples that comes from them."""

    name: str
    share: float
    slices: list[SliceRef]


def group(name: str, share: float, scans: list[Scan], empty_weight: float = 0.2) -> Group:
    """All slices of some scans; slices without an organ get `empty_weight`, slices with one get 1."""
    slices = []
    for scan in scans:
        for index, labels in enumerate(scan.labels):
            shown = shows_organ(labels)
            if shown or not (labels == IGNORE).all():
                slices.append(SliceRef(scan, index, 1.0 if shown else empty_weight))
    return Group(name, share if slices else 0.0, slices)


@dataclass(frozen=True, slots=True, eq=False)
class BatchSampler:
    """Draws batches: float (n, 3, *size) and int64 labels (n, *size), -1 where the label is unknown."""

    groups: list[Group]
    size: tuple[int, int] = (192, 256)
    count: int = 8
    config: AugmentConfig = field(default_factory=AugmentConfig)
    seed: int = 0

    def __call__(self, number: int) -> Batch:
        """Batch `number`."""
        rng = np.random.default_rng((self.seed, number))
        examples = [self._example(rng) for _ in range(self.count)]
        images = torch.from_numpy(np.stack([image for image, _ in examples]))
        labels = torch.from_numpy(np.stack([labels for _, labels in examples]).astype(np.int64))
        labels[labels == IGNORE] = -1
        return images, labels

    def _example(self, rng: np.random.Generator) -> tuple[Float32, UInt8]:
        shares = np.array([each.share for each in self.groups])
        chosen = self.groups[rng.choice(len(shares), p=shares / shares.sum())]
        weights = np.array([each.weight for each in chosen.slices])
        drawn = chosen.slices[rng.choice(len(weights), p=weights / weights.sum())]
        image = np.stack([drawn.scan.image[i] for i in drawn.scan.neighbours(drawn.index)], axis=-1)
        centre = body_centre(drawn.scan.image[drawn.index])
        labels = drawn.scan.labels[drawn.index]
        return augment(rng, image, labels, centre=centre, size=self.size, config=self.config)


def body_centre(image: UInt8) -> tuple[float, float]:
    """The middle (row, column) of the body in a slice; serving centres its window there, too."""
    centre = []
    for axis in (0, 1):
        where = np.flatnonzero((image > BODY).mean(axis=1 - axis) > 0.05)
        centre.append((where[0] + where[-1]) / 2 if where.size > 20 else (image.shape[axis] - 1) / 2)
    return float(centre[0]), float(centre[1])


def prefetch(make: Callable[[int], Batch], start: int, stop: int, depth: int = 4) -> Iterator[Batch]:
    """Batches `start` to `stop`, made in a thread while the network trains; an error of `make` is raised here."""
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
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        done.set()
        while not ready.empty():  # a full queue would block the thread for ever
            ready.get_nowait()
