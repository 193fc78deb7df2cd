"""The loops of jejunum and ileum: one line that grows between its fixed ends until it fills the room of the colon.

The line lengthens slowly, keeps its distance from itself and from other organs, and resists bending. A short line has
no crossing and the forces grow faster than it moves, so the loops never cross. (Differential growth, as in the model
of gut looping of Savin et al., Nature 476, 2011.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from shared.arrays import Float64
from shared.imaging.body import anatomy
from shared.imaging.body.curves import Tube, folds, tube
from shared.imaging.body.parts import PART_ID
from shared.imaging.geometry import Floats

_SPACING = 6.0
"""Millimetres between neighbouring nodes of the line."""
_RADIUS = 10.5
_CLEAR = 2.0 * _RADIUS + 1.6
"""Millimetres between the centres of two loops that touch."""
_GAP = 2.0
_NODES = 400
_EXACT = 1024.0
"""Parts of a millimetre to which positions are rounded at each step.

The growth is chaotic: a change of a micrometre moves loops by centimetres. The rounding removes differences in the last
bits of sums, so that machines agree.
"""


@lru_cache(maxsize=1)
def bowel_loops() -> Tube:
    """Return jejunum and ileum, from the duodenal flexure to the caecum."""
    line = grown()
    radii = np.linspace(_RADIUS + 1.2, _RADIUS - 0.9, len(line))
    radii[-4:] = np.linspace(radii[-5], 7.5, 4)  # the valve
    knots = np.column_stack([line, radii])
    ileum = 0.42 * len(line)
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    return tube(knots, ((0.0, PART_ID["jejunum"]), (ileum, PART_ID["ileum"])), relief=folds(0.6 * length))


def grown(nodes: int = _NODES, seed: int = 11) -> Float64:
    """Return the centre line (nodes, 3) in LPS mm, the same for the same seed."""
    rng = np.random.default_rng(seed)
    start, end = anatomy.duodenum().points[-1], np.array(anatomy.VALVE)
    middle = np.array([[30.0, -28.0, -40.0], [0.0, -18.0, -68.0], [-30.0, -10.0, -80.0]])
    line, _ = _even(np.concatenate([[start], middle, [end]]), 40)
    walls, reach = _walls()
    while True:
        for _ in range(4):
            line = _relaxed(line, walls, reach)
        if len(line) >= nodes:
            break
        line = _lengthened(line, rng)
    for _ in range(160):
        line = _relaxed(line, walls, reach)
    return line


def _even(knots: Floats, count: int) -> tuple[Float64, float]:
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    wanted = np.linspace(0.0, arc[-1], count)
    return np.stack([np.interp(wanted, arc, column) for column in knots.T], axis=1), float(arc[-1])


def _lengthened(line: Floats, rng: np.random.Generator) -> Floats:
    """The line with one node more, beside a random one where its neighbours are far apart."""
    apart = np.linalg.norm(np.diff(line, axis=0), axis=1)[2:-3]
    chance = apart**4
    at = 3 + int(np.searchsorted(np.cumsum(chance), rng.random() * chance.sum()))
    middle = (line[at - 1] + line[at]) / 2.0 + rng.normal(0.0, 0.5, 3)
    return np.insert(line, at, middle, axis=0)


def _walls() -> tuple[Float64, Float64]:
    """Centres (n, 3) of balls that no loop may enter, and the least distances (n,) of its centre line from them."""
    tubes = [anatomy.stomach(), anatomy.duodenum(), anatomy.colon(), anatomy.appendix()]
    points = np.concatenate([other.points[::3] for other in tubes])
    radii = np.concatenate([other.radii[::3] for other in tubes])
    return points, radii + _RADIUS + _GAP


def _relaxed(line: Floats, walls: Floats, reach: Floats) -> Floats:
    """One step of all forces; the ends and their neighbours keep their places."""
    move = _stretched(line) + _apart(line) + _confined(line)
    distance = _distances(line, walls)
    push = np.clip(reach - distance, 0.0, None) / distance
    near_ends = np.minimum(np.arange(len(line)), np.arange(len(line))[::-1])
    push *= np.clip((near_ends - 3) / 4.0, 0.0, 1.0)[:, None]  # the ends are in the walls of duodenum and caecum
    move += _pushed(line, walls, push) / np.maximum((push > 0).sum(axis=1), 1)[:, None]
    move[[0, -1]] = 0.0
    length = np.linalg.norm(move, axis=1, keepdims=True)
    move *= np.minimum(1.0, 1.2 / np.maximum(length, 1e-9))
    moved: Floats = np.round((line + move) * _EXACT) / _EXACT
    return moved


def _stretched(line: Floats) -> Floats:
    """Springs between neighbours, and a force against bending."""
    chord = np.diff(line, axis=0)
    length = np.linalg.norm(chord, axis=1, keepdims=True)
    spring = 0.35 * (length - _SPACING) * chord / length
    move = np.zeros_like(line)
    move[:-1] += spring
    move[1:] -= spring
    move[1:-1] += 0.12 * (line[:-2] + line[2:] - 2.0 * line[1:-1])
    move[2:-2] += 0.06 * ((line[:-4] + line[4:]) / 2.0 - line[2:-2])
    return move


def _apart(line: Floats) -> Floats:
    """Repulsion of nodes that are near each other but not along the line."""
    distance = _distances(line, line)
    index = np.arange(len(line))
    far = np.abs(index[:, None] - index) * _SPACING > 1.5 * _CLEAR
    push = np.where(far, np.clip(_CLEAR - distance, 0.0, None), 0.0) / distance
    return 0.25 * _pushed(line, line, push)


def _distances(points: Floats, others: Floats) -> Floats:
    """Distances (n, m) between points (n, 3) and others (m, 3), at least a micrometre."""
    squared = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * points @ others.T
    distance: Floats = np.sqrt(np.maximum(squared, 1e-6))
    return distance


def _pushed(points: Floats, others: Floats, push: Floats) -> Floats:
    """The sums (n, 3) of the vectors from others (m, 3) to points (n, 3), weighted by `push` (n, m)."""
    moved: Floats = points * push.sum(axis=1, keepdims=True) - push @ others
    return moved


def _confined(line: Floats) -> Floats:
    """Back into the room: the wall of the belly in front, the spine and the kidneys behind, the pelvis below."""
    middle, half = np.array([2.0, -22.0, -48.0]), np.array([98.0, 58.0, 78.0])
    scaled = (line - middle) / half
    outside = np.clip(np.linalg.norm(scaled, axis=1, keepdims=True) - 1.0, 0.0, None)
    move: Floats = -outside * (line - middle) * 0.6
    spine = np.clip(26.0 - np.hypot(line[:, 0], line[:, 1] - 48.0) + _RADIUS, 0.0, None)
    move[:, 1] -= 0.5 * spine
    move[:, 1] -= 0.5 * np.clip(line[:, 1] - 22.0, 0.0, None)
    return move
