"""The networks: two U-Nets that do most of their work at half resolution, a gate, and SegFormer for comparison.

All take float (n, channels, rows, columns) in 0 to 1. Segmenters answer logits (n, classes, rows, columns), the gate
logits (n, organs).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.liteunet import LiteUNet, places

WIDTHS = (32, 64, 128, 192)


class Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_conv(inside, outside), nn.BatchNorm2d(outside), nn.ReLU(inplace=True))
        self.second = nn.Sequential(_conv(outside, outside), nn.BatchNorm2d(outside))
        self.shortcut = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Same rows and columns, `outside` channels."""
        return nnf.relu(self.second(self.first(x)) + self.shortcut(x))


def _conv(inside: int, outside: int) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=1, bias=False)


def with_place(x: Tensor) -> Tensor:
    """The input with two channels more: how far down and how far right of the middle, in units of 256 pixels.

    Where an organ lies in the body tells bowel from bowel; a convolution alone can't know.
    """
    return torch.cat([x, places(x, (256.0, 256.0))], dim=1)


class UNet(nn.Module):
    """Folds 2 x 2 pixels into channels, runs a U-Net on that, and unfolds its answer: a quarter of the work."""

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
        x = self.stem(with_place(x))
        skips = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else nnf.max_pool2d(x, 2))
            skips.append(x)
        x = self.drop(x)
        answers = []
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](torch.cat([nnf.interpolate(x, scale_factor=2, mode="nearest"), skips[level]], dim=1))
            if level < len(self.heads):
                answers.append(nnf.pixel_shuffle(self.heads[level](x), 2))
        return answers[::-1]

    def forward(self, x: Tensor) -> Tensor:
        """The finest logits."""
        return self.levels(x)[0]


def softmax(logits: Tensor) -> Tensor:
    """Probabilities over the classes, in steps that ONNX Runtime does in a tenth of the time of its own softmax."""
    raised = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return raised / raised.sum(dim=1, keepdim=True)


class Pair(nn.Module):
    """A U-Net from nothing and one on a pre-trained encoder, side by side: they err in different places."""

    def __init__(self, unet: nn.Module | None = None, liteunet: nn.Module | None = None) -> None:
        super().__init__()
        self.unet, self.liteunet = unet or UNet(), liteunet or LiteUNet()

    def chances(self, x: Tensor) -> Tensor:
        """The mean of both networks' probabilities."""
        return 0.5 * (softmax(self.unet(x)) + softmax(self.liteunet(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of that mean."""
        return self.chances(x).log()


class Gate(nn.Module):
    """Which organs a slice shows: the encoder of the U-Net, narrow, at a quarter of the resolution."""

    def __init__(self, channels: int = 3, organs: int = 3, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(2)
        self.stem = nn.PixelUnshuffle(2)
        ins = (4 * (channels + 2), *widths[:-1])
        self.down = nn.ModuleList(Block(i, o) for i, o in zip(ins, widths, strict=True))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * widths[-1], organs))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, organs)."""
        x = self.stem(with_place(self.shrink(x)))
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else nnf.max_pool2d(x, 2))
        return self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))


class SegFormer(nn.Module):
    """SegFormer (Xie et al. 2021) from transformers; `start` is a local folder or hub name, or None: from scratch."""

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
        """Logits at the input's resolution (the network's own are a quarter of it)."""
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


class Served(nn.Module):
    """A network as it is exported: uint8 stacks in, probabilities out.

    A network of three channels that is given slices alone, one channel, sees the slice three times.
    """

    def __init__(self, network: nn.Module, stage: str) -> None:
        super().__init__()
        self.network = network
        self.stage = stage

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities: sigmoid for the gate, softmax over classes for a segmenter."""
        picture = x.to(torch.float32) / 255.0
        if x.shape[1] == 1:
            picture = picture.expand(-1, 3, -1, -1)
        if self.stage == "classifier":
            return self.network(picture).sigmoid()
        if isinstance(self.network, Pair):
            return self.network.chances(picture)
        return softmax(self.network(picture))


KINDS: dict[str, type[nn.Module]] = {
    "gate": Gate,
    "liteunet": LiteUNet,
    "pair": Pair,
    "segformer": SegFormer,
    "unet": UNet,
}


def build(kind: str, **options: Any) -> nn.Module:
    """A network by name."""
    return KINDS[kind](**options)


def load_weights(network: nn.Module, path: Path) -> nn.Module:
    """The network with the averaged weights of a checkpoint, ready to answer."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def mean_weights(checkpoints: list[Path], out: Path) -> None:
    """Write the mean of the averaged weights of runs that started from one checkpoint (Wortsman et al. 2022)."""
    states = [torch.load(path, map_location="cpu", weights_only=True)["average"] for path in checkpoints]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.dtype.is_floating_point else value
        for name, value in states[0].items()
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": mean}, out)


def both_weights(unet: Path, liteunet: Path, out: Path) -> None:
    """Write the averaged weights of two runs as those of a `Pair`."""
    pair = Pair(load_weights(UNet(), unet), load_weights(LiteUNet(), liteunet))
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"average": pair.state_dict()}, out)
