"""What training makes small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.batches import Batch


def segmentation(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy and soft Dice; on coarser levels as well where the network shows them (deep supervision)."""
    images, labels = batch
    levels = network.levels(images) if hasattr(network, "levels") else [network(images)]
    total = torch.zeros((), device=images.device)
    for number, logits in enumerate(levels):
        marks = labels if number == 0 else labels[:, :: 2**number, :: 2**number]
        total = total + 0.5**number * pixels(logits.float(), marks)
    return total


def taught(teacher: nn.Module, weight: float = 2.0) -> Callable[[nn.Module, Batch], Tensor]:
    """A loss by which a network also learns to answer as `teacher` does (Hinton et al. 2015), labelled or not."""

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        images, labels = batch
        with torch.no_grad():
            wanted = teacher(images).float().softmax(dim=1)
        logits = network(images).float()
        apart = nnf.kl_div(logits.log_softmax(dim=1), wanted, reduction="none").sum(dim=1).mean()
        return pixels(logits, labels) + weight * apart

    return loss


def pixels(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus Dice loss over the batch; labels below 0 are left out."""
    known = labels >= 0
    if not known.any():
        return logits.sum() * 0.0
    entropy = nnf.cross_entropy(logits, labels, ignore_index=-1, label_smoothing=0.02)
    chances = logits.softmax(dim=1) * known[:, None]
    truth = nnf.one_hot(labels.clamp(min=0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    both = (chances * truth).sum((0, 2, 3))
    dice = (2.0 * both + 50.0) / (chances.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 50.0)
    return entropy + (1.0 - dice[1:]).mean()


def presence(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy per organ: does the slice show it? Slices of which nothing is known are left out."""
    images, labels = batch
    logits = network(images).float()
    organs = torch.arange(1, logits.shape[1] + 1, device=labels.device)
    shown = (labels[:, None] == organs[:, None, None]).sum((2, 3)) >= 12
    known = (labels >= 0).flatten(1).any(1)
    each = nnf.binary_cross_entropy_with_logits(logits, shown.float(), reduction="none").mean(1)
    return (each * known).sum() / known.sum().clamp(min=1)
