"""Centre lines of stomach, duodenum and large bowel, to scale, drawn after textbook anatomy (supine adult).

Knots are x, y, z and radius in patient LPS mm; the origin is in the midline at the height of the lower lumbar spine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from shared.imaging.body.curves import Tube, haustra, tube
from shared.imaging.body.parts import PART_ID

_STOMACH = (
    (64, 28, 78, 17), (59, 21, 67, 33), (55, 8, 50, 32), (51, -6, 34, 29.5), (46, -20, 18, 27), (33, -33, 2, 24.5),
    (14, -37, -3, 20), (-4, -36, 5, 16.5), (-16, -31, 13, 11), (-22, -27, 17, 7), (-26, -23, 19, 7.5),
)  # fmt: skip
_DUODENUM = (
    (-31, -19, 20, 11), (-42, -10, 23, 13), (-52, 2, 17, 12.5), (-54, 9, -2, 12), (-53, 11, -22, 12),
    (-45, 11, -37, 12), (-26, 5, -43, 12), (-4, 0, -42, 11.5), (15, 5, -36, 11.5), (26, 8, -20, 11.5),
    (31, 2, -8, 11.5), (35, -10, -6, 11),
)  # fmt: skip
_COLON = (
    (-82, -14, -96, 12), (-85, -12, -86, 26), (-90, -8, -70, 28.5), (-95, 0, -48, 26), (-98, 10, -22, 24.5),
    (-99, 16, 4, 23.5), (-97, 17, 27, 23), (-90, 6, 45, 21.5), (-79, -18, 44, 21), (-68, -40, 22, 20.5),
    (-50, -54, -8, 20), (-24, -60, -32, 19.5), (6, -60, -45, 19.5), (36, -58, -46, 19.5), (66, -52, -28, 19),
    (90, -42, 6, 19), (105, -24, 40, 18.5), (112, -2, 68, 18.5), (113, 20, 72, 17.5), (113, 35, 52, 16.5),
    (112, 38, 22, 16), (111, 37, -10, 15.5), (108, 33, -42, 15.5), (101, 24, -70, 15), (88, 8, -92, 15),
    (68, -10, -106, 15.5), (44, -18, -104, 16), (22, -12, -93, 16), (2, 4, -91, 16), (-13, 22, -100, 16),
    (-12, 37, -110, 16), (-3, 45, -120, 18), (0, 47, -130, 20), (0, 45, -139, 18.5),
    (0, 42, -146, 13), (0, 40, -151, 7),
)  # fmt: skip
_APPENDIX = (
    (-70, -8, -92, 6.5), (-62, -4, -97, 5), (-54, 0, -104, 4.8), (-46, 2, -112, 4.8), (-36, 0, -116, 4.8),
    (-28, -4, -114, 4.6), (-22, -8, -110, 4.2),
)  # fmt: skip
VALVE = (-60.0, -8.0, -70.0)
"""Where the ileum opens into the caecum."""


@lru_cache(maxsize=1)
def stomach() -> Tube:
    """Return the J-shaped stomach, from the dome of the fundus to the pylorus."""
    cuts = ((0.0, "fundus"), (1.25, "body_of_stomach"), (5.0, "antrum"), (7.8, "pylorus"))
    return tube(np.array(_STOMACH), tuple((knot, PART_ID[name]) for knot, name in cuts), depth=0.92)


@lru_cache(maxsize=1)
def duodenum() -> Tube:
    """Return the duodenal C, from the pylorus to the flexure at which the jejunum begins."""
    return tube(np.array(_DUODENUM), ((0.0, PART_ID["duodenum"]),))


@lru_cache(maxsize=1)
def colon() -> Tube:
    """Return the large bowel, from the caecum to the end of the rectum, with haustra up to the sigmoid."""
    names = (
        (0.0, "caecum"),
        (2.7, "ascending_colon"),
        (6.3, "right_colic_flexure"),
        (8.3, "transverse_colon"),
        (16.2, "left_colic_flexure"),
        (18.7, "descending_colon"),
        (23.6, "sigmoid_colon"),
        (30.6, "rectum"),
    )
    plain = tube(np.array(_COLON), tuple((knot, PART_ID[name]) for knot, name in names))
    end = 1.5 * float(np.flatnonzero(plain.parts == PART_ID["rectum"])[0])
    return tube(np.array(_COLON), tuple((knot, PART_ID[name]) for knot, name in names), relief=haustra(8.0, end, 29.0))


@lru_cache(maxsize=1)
def appendix() -> Tube:
    """Return the appendix, from the caecum to its tip in the pelvis."""
    return tube(np.array(_APPENDIX), ((0.0, PART_ID["appendix"]),))
