"""The networks: a residual U-Net, its ensemble with the LiteUNet, the slice classifier, and SegFormer to compare with.

All take float (n, channels, rows, columns) in 0 to 1. Segmenters return logits (n, classes, rows, columns), the
classifier logits (n, organs).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.nets.liteunet import LiteUNet, coordinate_channels

WIDTHS = (32, 64, 128, 192)


class Block(nn.Module):
    """A residual block: two 3 x 3 convolutions with a shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            _conv(in_channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
        )
        self.second = nn.Sequential(_conv(out_channels, out_channels), nn.BatchNorm2d(out_channels))
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The same rows and columns, `out_channels` channels."""
        return nnf.relu(self.second(self.first(x)) + self.shortcut(x))


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


def with_coordinates(x: Tensor) -> Tensor:
    """The input with two coordinate channels, in units of 256 pixels (CoordConv, Liu et al. 2018).

    Small and large bowel differ by their position in the body, which a convolution alone does not see.
    """
    return torch.cat([x, coordinate_channels(x, (256.0, 256.0))], dim=1)


class UNet(nn.Module):
    """A residual U-Net on 2 x 2 pixels folded into channels, unfolded at the end: a quarter of the work."""

    def __init__(
        self, channels: int = 3, classes: int = 4, widths: tuple[int, ...] = WIDTHS, drop: float = 0.1
    ) -> None:
        super().__init__()
        self.stem = nn.PixelUnshuffle(2)
        ins = (4 * (channels + 2), *widths[:-1])
        self.down = nn.ModuleList(Block(i, o) for i, o in zip(ins, widths, strict=True))
        self.up = nn.ModuleList(Block(widths[i + 1] + widths[i], widths[i]) for i in range(len(widths) - 1))
        self.heads = nn.ModuleList(nn.Conv2d(w, classes * 4, 1) for w in widths[:3])
        self.drop = nn.Dropout2d(drop)

    def levels(self, x: Tensor) -> list[Tensor]:
        """Logits from finest to coarsest (three), each on its own grid: 1, 1/2 and 1/4 of the input."""
        x = self.stem(with_coordinates(x))
        skips = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else nnf.max_pool2d(x, 2))
            skips.append(x)
        x = self.drop(x)
        logits = []
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](torch.cat([nnf.interpolate(x, scale_factor=2, mode="nearest"), skips[level]], dim=1))
            if level < len(self.heads):
                logits.append(nnf.pixel_shuffle(self.heads[level](x), 2))
        return logits[::-1]

    def forward(self, x: Tensor) -> Tensor:
        """The finest logits."""
        return self.levels(x)[0]


def softmax(logits: Tensor) -> Tensor:
    """Softmax over the classes, in operations that take ONNX Runtime a tenth of the time of its own softmax."""
    raised = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return raised / raised.sum(dim=1, keepdim=True)


class Ensemble(nn.Module):
    """A U-Net trained from scratch and one with a pre-trained encoder, which make different errors."""

    def __init__(self, unet: nn.Module | None = None, liteunet: nn.Module | None = None) -> None:
        super().__init__()
        self.unet, self.liteunet = unet or UNet(), liteunet or LiteUNet()

    def probabilities(self, x: Tensor) -> Tensor:
        """The mean of both networks' probabilities."""
        return 0.5 * (softmax(self.unet(x)) + softmax(self.liteunet(x)))

    def forward(self, x: Tensor) -> Tensor:
        """The logarithm of that mean, which serves as logits."""
        return self.probabilities(x).log()


class SliceClassifier(nn.Module):
    """Which organs a slice shows: a narrow encoder of the U-Net at a quarter of the resolution."""

    def __init__(self, channels: int = 3, organs: int = 3, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(2)
        self.stem = nn.PixelUnshuffle(2)
        ins = (4 * (channels + 2), *widths[:-1])
        self.down = nn.ModuleList(Block(i, o) for i, o in zip(ins, widths, strict=True))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * widths[-1], organs))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, organs)."""
        x = self.stem(with_coordinates(self.shrink(x)))
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else nnf.max_pool2d(x, 2))
        return self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))


class SegFormer(nn.Module):
    """SegFormer (Xie et al. 2021) from transformers; `start` is a local folder or hub name, None for random weights."""

    def __init__(self, channels: int = 3, classes: int = 4, start: str | None = None, size: str = "b0") -> None:
        super().__init__()
        from transformers import SegformerConfig, SegformerForSemanticSegmentation

        if start:
            self.body: Any = SegformerForSemanticSegmentation.from_pretrained(
                start, num_labels=classes, ignore_mismatched_sizes=True
            )
        else:
            self.body = SegformerForSemanticSegmentation(
                SegformerConfig(num_labels=classes, num_channels=channels, **_segformer(size))
            )

    def forward(self, x: Tensor) -> Tensor:
        """Logits at the resolution of the input; the network itself works at a quarter of it."""
        coarse = self.body(pixel_values=(x - 0.45) / 0.225).logits
        return nnf.interpolate(coarse, size=x.shape[2:], mode="bilinear", align_corners=False)


def _segformer(size: str) -> dict[str, Any]:
    depths = {"b0": [2, 2, 2, 2], "b1": [2, 2, 2, 2], "b2": [3, 4, 6, 3], "b4": [3, 8, 27, 3]}[size]
    narrow = size == "b0"
    return {
        "depths": depths,
        "hidden_sizes": [32, 64, 160, 256] if narrow else [64, 128, 320, 512],
        "decoder_hidden_size": 256 if narrow or size == "b1" else 768,
    }


class ServingNetwork(nn.Module):
    """A network in the form in which it is exported: uint8 stacks in, probabilities out.

    A stack of one channel, a slice without neighbours, is repeated for networks of three channels.
    """

    def __init__(self, network: nn.Module, stage: str) -> None:
        super().__init__()
        self.network = network
        self.stage = stage

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities: sigmoid for a classifier, softmax over the classes for a segmenter."""
        picture = x.to(torch.float32) / 255.0
        if x.shape[1] == 1:
            picture = picture.expand(-1, 3, -1, -1)
        if self.stage == "classifier":
            return self.network(picture).sigmoid()
        if isinstance(self.network, Ensemble):
            return self.network.probabilities(picture)
        return softmax(self.network(picture))


KINDS: dict[str, type[nn.Module]] = {
    "classifier": SliceClassifier,
    "liteunet": LiteUNet,
    "pair": Ensemble,
    "segformer": SegFormer,
    "unet": UNet,
}


def build(kind: str, **options: Any) -> nn.Module:
    """A network of one of the `KINDS`."""
    return KINDS[kind](**options)


def load_weights(network: nn.Module, path: Path) -> nn.Module:
    """The network with the averaged weights of a checkpoint, in evaluation mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def mean_weights(checkpoints: list[Path], out: Path) -> None:
    """Write the mean of the weights of runs from one checkpoint (model soup, Wortsman et al. 2022)."""
    states = [torch.load(path, map_location="cpu", weights_only=True)["average"] for path in checkpoints]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.dtype.is_floating_point else value
        for name, value in states[0].items()
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": mean}, out)


def ensemble_weights(unet: Path, liteunet: Path, out: Path) -> None:
    """Write the averaged weights of two runs as those of an `Ensemble`."""
    ensemble = Ensemble(load_weights(UNet(), unet), load_weights(LiteUNet(), liteunet))
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": ensemble.state_dict()}, out)
