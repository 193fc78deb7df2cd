"""Runs a PyTorch network on one slice."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from training.dataset.cases import Scan


@torch.no_grad()
def slice_logits(network: nn.Module, scan: Scan, index: int) -> Tensor:
    """Logits of one slice: (classes, rows, columns) on the scan's pixels of a segmenter, (organs,) of a classifier."""
    stack = np.stack([scan.image[i] for i in scan.neighbours(index)])
    rows, columns = stack.shape[1:]
    padded = np.pad(stack, ((0, 0), (0, -rows % 32), (0, -columns % 32)))
    device = next(network.parameters()).device
    logits: Tensor = network(torch.from_numpy(padded[None].astype(np.float32) / 255.0).to(device))[0].cpu()
    return logits[:, :rows, :columns] if logits.ndim == 3 else logits
