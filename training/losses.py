"""Loss functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.dataset.batches import Batch

Loss = Callable[[nn.Module, Batch], Tensor]
MIN_ORGAN_PIXELS = 12
"""Fewest pixels of an organ that make a slice one that shows it, for the classifier."""


def segmentation_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy plus Dice loss; also on coarser levels where the network has them (deep supervision)."""
    images, labels = batch
    levels = network.levels(images) if hasattr(network, "levels") else [network(images)]
    total = torch.zeros((), device=images.device)
    for number, logits in enumerate(levels):
        target = labels if number == 0 else labels[:, :: 2**number, :: 2**number]
        total = total + 0.5**number * cross_entropy_dice(logits.float(), target)
    return total


def distillation_loss(teacher: nn.Module, weight: float = 2.0) -> Loss:
    """A loss plus the Kullback-Leibler divergence from `teacher` (Hinton et al. 2015), also on unlabelled pixels."""

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        images, labels = batch
        with torch.no_grad():
            target = teacher(images).float().softmax(dim=1)
        logits = network(images).float()
        divergence = nnf.kl_div(logits.log_softmax(dim=1), target, reduction="none").sum(dim=1).mean()
        return cross_entropy_dice(logits, labels) + weight * divergence

    return loss


def cross_entropy_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice loss of the organs over the batch; labels below 0 are ignored.

    `logits` is (n, classes, rows, columns), `labels` int64 (n, rows, columns).
    """
    known = labels >= 0
    if not known.any():
        return logits.sum() * 0.0  # keeps the graph, so that `backward` works
    entropy = nnf.cross_entropy(logits, labels, ignore_index=-1, label_smoothing=0.02)
    predicted = logits.softmax(dim=1) * known[:, None]
    target = nnf.one_hot(labels.clamp(min=0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    overlap = (predicted * target).sum((0, 2, 3))
    # 50 pixels keep the ratio stable for organs that the batch hardly shows.
    dice = (2.0 * overlap + 50.0) / (predicted.sum((0, 2, 3)) + target.sum((0, 2, 3)) + 50.0)
    return entropy + (1.0 - dice[1:]).mean()


def slice_bce(network: nn.Module, batch: Batch) -> Tensor:
    """Binary cross-entropy per organ: does the slice show it? Slices without any known label are ignored."""
    images, labels = batch
    logits = network(images).float()
    organs = torch.arange(1, logits.shape[1] + 1, device=labels.device)
    shown = (labels[:, None] == organs[:, None, None]).sum((2, 3)) >= MIN_ORGAN_PIXELS
    known = (labels >= 0).flatten(1).any(1)
    per_slice = nnf.binary_cross_entropy_with_logits(logits, shown.float(), reduction="none").mean(1)
    return (per_slice * known).sum() / known.sum().clamp(min=1)
