"""Reads the weights of an exported model back into networks that can learn on.

The export folds each batch normalisation into the convolution before it. A network learns poorly without them, so
they are put back: `calibrate` gives each one the statistics of its input and the scale and shift that undo them. The
outputs stay the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.nets.liteunet import LiteUNet
from training.nets.networks import UNet, build


def network_from_onnx(kind: str, weights: Path) -> nn.Module:
    """A network of one of the `KINDS` with the weights of an ONNX file that `export` wrote, in evaluation mode.

    Raises ValueError if the file is of another network.
    """
    network = build(kind).eval()
    layers = [layer for layer in convolutions_in_order(network) if layer[0] not in _only_in_training(network)]
    convolutions = _convolutions_of(weights)
    if len(convolutions) != len(layers):
        raise ValueError(f"{weights.name} has {len(convolutions)} convolutions, a {kind} has {len(layers)}.")
    for (convolution, normalisation), (weight, bias) in zip(layers, convolutions, strict=True):
        _load(convolution, normalisation, weight, bias)
    return network


def _only_in_training(network: nn.Module) -> set[nn.Conv2d]:
    """The heads of the coarser levels, which the export leaves out; at zero they do not disturb what is learnt."""
    heads = {
        head
        for part in network.modules()
        if isinstance(part, UNet | LiteUNet)
        for head in part.heads[1:]
        if isinstance(head, nn.Conv2d)
    }
    for head in heads:
        for parameter in head.parameters():
            nn.init.zeros_(parameter)
    return heads


def convolutions_in_order(network: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """The convolutions in the order of their calls, each with the normalisation of its output."""
    layers: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []
    source: dict[int, int] = {}
    outputs: list[Tensor] = []  # holds the outputs, so that no other tensor gets the same id

    def called(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            source[id(output)] = len(layers)
            outputs.append(output)
            layers.append((module, None))
        elif isinstance(module, nn.BatchNorm2d):
            number = source[id(inputs[0])]
            layers[number] = (layers[number][0], module)

    hooks = [module.register_forward_hook(called) for module in network.modules()]
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return layers


def _convolutions_of(weights: Path) -> list[tuple[Tensor, Tensor | None]]:
    """Weight and bias of each convolution of an ONNX file, in the order of the graph."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(weights)).graph
    values = {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in graph.initializer}
    nodes = [node.input for node in graph.node if node.op_type == "Conv"]
    if any(names[1] not in values for names in nodes):
        raise ValueError(f"{weights.name} has weights in another form, for example int8: give the fp32 model.")
    return [(values[names[1]].float(), values[names[2]].float() if len(names) > 2 else None) for names in nodes]


@torch.no_grad()
def _load(convolution: nn.Conv2d, normalisation: nn.BatchNorm2d | None, weight: Tensor, bias: Tensor | None) -> None:
    """Write weight and bias; a normalisation after it adds the bias and changes nothing else."""
    channels = convolution.weight.shape[1]  # the export may have added channels of zeros
    if weight[:, :channels].shape != convolution.weight.shape or weight[:, channels:].any():
        raise ValueError(f"A convolution is {tuple(weight.shape)}, not {tuple(convolution.weight.shape)}.")
    convolution.weight.copy_(weight[:, :channels])
    if normalisation is None:
        if (bias is None) != (convolution.bias is None):
            raise ValueError("A convolution has a bias where the network has none, or the other way round.")
        if convolution.bias is not None and bias is not None:
            convolution.bias.copy_(bias)
        return
    normalisation.running_mean.zero_()
    normalisation.running_var.fill_(1.0 - normalisation.eps)  # so that the scale is 1
    normalisation.weight.fill_(1.0)
    normalisation.bias.copy_(torch.zeros_like(normalisation.bias) if bias is None else bias)


@torch.no_grad()
def calibrate(network: nn.Module, pictures: Iterable[Tensor]) -> None:
    """Give each normalisation the statistics of its input over some batches (n, channels, rows, columns).

    Outputs in evaluation mode stay the same; in training mode they then differ little.
    """
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {}

    def called(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        values = inputs[0].double()
        count = torch.tensor(values.numel() / values.shape[1])
        new = [count, values.sum((0, 2, 3)), values.square().sum((0, 2, 3))]
        sums[module] = [old + more for old, more in zip(sums.get(module, [torch.zeros(())] * 3), new, strict=True)]

    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [layer.register_forward_pre_hook(called) for layer in layers]
    network.eval()
    for batch in pictures:
        network(batch)
    for hook in hooks:
        hook.remove()
    for layer, (count, total, squares) in sums.items():
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=1e-6)
        _restate(layer, mean.float(), variance.float())


def _restate(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Change the statistics of a normalisation and keep what it computes."""
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    shift = layer.bias - layer.running_mean * scale
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)
    layer.weight.copy_(scale * (variance + layer.eps).sqrt())
    layer.bias.copy_(shift + mean * scale)
