"""Draws the body by formula above the outlined organs of a real scan: from the front, the patient's left, and the head.

    python -m bench.body --data DIR --out FILE.png [--case case139_day0]

Both are drawn by the mesher's own surfaces, each in the size that fills its picture. Volumes in mL are printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from bench.cases import real
from services.mesher.core import mesh
from services.mesher.thumbnail import View, render
from shared.arrays import UInt8
from shared.imaging.body import body, grid_of
from shared.imaging.volume import LabelMap

_VIEWS = (View(0.0, 0.0), View(90.0, 0.0), View(0.0, 89.0))
_SIDE = 420


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--case", default="case139_day0")
    args = parser.parse_args()
    outlined = next(labels for name, labels in real(args.data) if name == args.case)
    picture = np.concatenate([_views(body(grid_of(1.5)).labels), _views(outlined)])
    cv2.imwrite(str(args.out), picture[:, :, ::-1])


def _views(labels: LabelMap) -> UInt8:
    organs = mesh(labels, "standard").organs
    print(", ".join(f"{organ.name} {organ.volume_voxels_ml:.0f} mL" for organ in organs))
    return np.concatenate([render(organs, _SIDE, view) for view in _VIEWS], axis=1)


if __name__ == "__main__":
    main()
