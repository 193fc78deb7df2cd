"""Averages of a segmenter's answers to changed copies of a picture (test-time augmentation, Wang et al. 2019).

Serving does not do this: each copy costs the time of one answer. It is here to measure what copies would bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from shared.arrays import Float32, UInt8
from shared.imaging.preprocess import Window
from shared.models.network import Network


def averaged(network: Network, scales: Sequence[float], tones: Sequence[float]) -> Network:
    """A network that returns the mean over copies of its input: each scale with each tone; 1 is the input itself.

    A grey level g of 0 to 1 becomes g to the power of the tone.
    """
    copies = [partial(_changed, network, scale, tone) for scale in scales for tone in tones]
    return replace(network, folds=tuple(copies))


def _changed(network: Network, scale: float, tone: float, batch: UInt8) -> Float32:
    levels = np.rint(255.0 * (np.arange(256) / 255.0) ** tone).astype(np.uint8)
    return at_scale(network, scale, levels[batch])


def at_scale(network: Network, scale: float, batch: UInt8) -> Float32:
    """The probabilities (n, classes, rows, columns) of pictures (n, channels, rows, columns) that were enlarged.

    Air surrounds the enlarged picture up to the multiple of pixels that the network needs.
    """
    window = _window(batch.shape[2:], scale, network.card.slices.multiple)
    enlarged = np.stack([window.forward(batch[:, channel]) for channel in range(batch.shape[1])], axis=1)
    return np.stack([window.back(each) for each in network(enlarged)])


def _window(shape: tuple[int, ...], scale: float, multiple: int) -> Window:
    rows, columns = shape
    height, width = round(rows * scale), round(columns * scale)
    size = -(-height // multiple) * multiple, -(-width // multiple) * multiple
    corner = (height - size[0]) // 2, (width - size[1]) // 2
    return Window(rows, columns, (height, width), corner, size)
