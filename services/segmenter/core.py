"""The segmenter stage: outlines the organs on the grid of the scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from services.segmenter.clean import tidy
from services.segmenter.confidence import ExpectedDice
from services.segmenter.volumes.core import label_scan
from shared.arrays import Float32, Int64, UInt8
from shared.imaging.geometry import Reorientation, to_axial
from shared.imaging.preprocess import Feed, open_feed
from shared.imaging.volume import LabelMap, SliceScores, Volume
from shared.imaging.volume_input import VolumeInput
from shared.models.batches import batch_size, outputs
from shared.models.card import check_channels
from shared.models.domain import OUT_OF_DOMAIN, doubts
from shared.models.network import Network

BATCH = 8
APART = 2.0
"""Millimetres between the slices that the network reads, at most: it was trained on slices that are 3 mm apart. The
probabilities of thinner slices between two of them are interpolated."""
Plane = tuple[int, Float32]
"""Slice index and class probabilities (classes, rows, columns)."""


class EarlyOutlines(Protocol):
    """Where finished slices go while the others are still being labelled."""

    def is_wanted(self) -> bool:
        """Return whether somebody wants the slices that are finished by now."""

    def show(self, axis: int, start: int, labels: LabelMap) -> None:
        """Take the labels of slices from `start` on along an axis of the scan's grid; islands are not yet removed."""


def segment(
    volume: Volume,
    scores: SliceScores | None,
    network: Network,
    progress: Callable[[float], None] = lambda _: None,
    *,
    early: EarlyOutlines | None = None,
) -> LabelMap:
    """Label the slices in `scores.keep`, all without scores; the others are background.

    A model that reads volumes labels the whole scan, whatever the scores. The label map is on the volume's own grid. It
    has the warning `out_of_domain` if the model was not trained on such volumes. If it reads slices and its card has a
    calibration, it has a confidence. `progress` is called with 0 to 1 after each batch or window; its exceptions
    propagate. `early` gets finished slices meanwhile; those of a model that reads volumes are finished together. Raises
    UnsupportedScan for another number of images than the model reads.
    """
    check_channels(1 + len(volume.further), network.card)
    grid = volume.geometry
    is_unusual = bool(doubts(network.card, volume.modality, grid.shape, grid.spacing))
    warnings = (OUT_OF_DOMAIN,) if is_unusual else ()
    if isinstance(network.card.input, VolumeInput):
        data = label_scan(volume, network, network.card.input, progress)
        return LabelMap(data, volume.geometry, warnings, network.card.organs)
    turn = to_axial(volume.geometry)
    spacing = turn.target.spacing
    feed = open_feed(turn.apply(volume.data), spacing, volume.modality, network.card.slices)
    threshold = network.card.decision_threshold
    labels = np.zeros(feed.data.shape, dtype=np.uint8)
    chosen = np.arange(len(feed.data)) if scores is None else np.flatnonzero(scores.keep)
    shown, expected = 0, ExpectedDice(len(labels), tuple(organ.name for organ in network.card.organs))
    read = _every(chosen, max(1, int(APART / spacing[0])))
    smoothed = _smoothed(_planes(feed, read, network), spacing[0])
    for done, (index, planes) in enumerate(_interpolated(smoothed, chosen), start=1):
        organs = feed.window.back(planes[1:])
        labels[index] = _labels(organs, threshold)
        expected.add(index, organs, labels[index])
        if done % BATCH == 0 or done == len(chosen):
            if early is not None and early.is_wanted():
                early.show(*_part(labels, turn, shown, index + 1))
                shown = index + 1
            progress(done / len(chosen))
    data = np.ascontiguousarray(turn.undo(tidy(labels, spacing)))
    confidence = expected.calibrated(network.card.calibration, turn)
    return LabelMap(data, volume.geometry, warnings, confidence=confidence)


def _part(labels: UInt8, turn: Reorientation, start: int, stop: int) -> tuple[int, int, LabelMap]:
    """The axis and the first index on the scan's own grid of axial slices, and their labels there."""
    axis, slices = turn.order[0], len(labels)
    first, last = (slices - stop, slices - start) if turn.flip[0] else (start, stop)
    own = np.ascontiguousarray(turn.undo(labels[start:stop]))
    return axis, first, LabelMap(own, turn.source.part(axis, first, last))


def _planes(feed: Feed, chosen: Int64, network: Network) -> Iterator[Plane]:
    """The class probabilities of each chosen slice on the network's pixels."""
    for indices, planes in outputs(network, feed.batches(chosen, batch_size(network, BATCH))):
        yield from zip((int(index) for index in indices), planes, strict=True)


def _every(chosen: Int64, step: int) -> Int64:
    """Return indices out of the chosen ones, in which gaps are at most `step`, with both ends of each unbroken run."""
    if chosen.size == 0:
        return chosen
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    return np.concatenate([np.union1d(run[::step], run[-1:]) for run in runs])


def _interpolated(planes: Iterator[Plane], chosen: Int64) -> Iterator[Plane]:
    """The probabilities of all chosen slices, linear between those of the two nearest slices that were read."""
    before, after = next(planes, None), next(planes, None)
    for index in chosen:
        while after is not None and index >= after[0]:
            before, after = after, next(planes, None)
        if before is None:  # no slice was chosen
            return
        if after is None or index == before[0]:
            yield int(index), before[1]
        else:
            share = np.float32((index - before[0]) / (after[0] - before[0]))
            yield int(index), before[1] + share * (after[1] - before[1])


def _smoothed(planes: Iterator[Plane], slice_mm: float, reach_mm: float = 4.0) -> Iterator[Plane]:
    """The probabilities averaged with those of the neighbours (weights 1 2 1).

    Neighbours are the next slice, or the next one that was read, at most `reach_mm` away.
    """
    nearby = max(1, int(APART / slice_mm))
    before: Plane | None = None
    current = next(planes, None)
    while current is not None:
        after = next(planes, None)
        index, plane = current
        near = [p for i, p in filter(None, (before, after)) if abs(i - index) <= nearby and slice_mm <= reach_mm]
        yield index, sum(near, start=2.0 * plane) / np.float32(2 + len(near))
        before, current = current, after


def _labels(organs: Float32, threshold: float) -> UInt8:
    """The likeliest organ per pixel, if all organs together reach the threshold; `organs` is (organ, row, column)."""
    return np.where(organs.sum(axis=0) >= threshold, _likeliest(organs), np.uint8(0))


def _likeliest(organs: Float32) -> UInt8:
    """Number, from 1, of the first largest plane at each pixel: `argmax` + 1 in less than half of its time."""
    highest, number = organs[0].copy(), np.ones(organs.shape[1:], dtype=np.uint8)
    for other, plane in enumerate(organs[1:], start=2):
        np.copyto(number, other, where=plane > highest)
        np.maximum(highest, plane, out=highest)
    return number
