"""Closed contours of masks on a slice, along the edges of its pixels.

The area that a contour encloses is exactly that of its pixels. Pixels that touch only at a corner belong to different
parts. A hole is joined to the contour around it by a channel of no width, as PS3.3 C.8.8.6.3 asks for.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from shared.arrays import Bool, Int32, Int64

_STEPS = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])
"""(row, column) of one step east, south, west and north; rows grow to the south. The next entry is a right turn."""
_SIDES = np.array([[-1, 0], [0, 1], [1, 0], [0, -1]])
"""Neighbour beyond the side of a pixel along which a walk goes east, south, west or north, the pixel on its right."""
Walk = list[tuple[int, int]]
"""A closed walk: one (row, column) per unit step."""
_STARTS = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
"""Corner of the pixel at which that side starts."""


def contours(mask: Bool) -> list[Int64]:
    """Return one closed contour per 4-connected part of a mask (rows, columns).

    Each is (n, 2) corners as (row, column): pixel (r, c) reaches from r to r + 1 and from c to c + 1. The first corner
    is not repeated at the end.
    """
    if not mask.any():
        return []
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    first = np.array([part.start for part in box])
    parts = ndimage.label(mask[box])[0].astype(np.int32)
    loops: dict[int, list[Walk]] = {}
    for walk, part in _loops(parts):
        loops.setdefault(part, []).append(walk)
    for walks in loops.values():
        walks.sort(key=min)  # by the top left corner
    return [_corners(_join(outer, holes)) + first for outer, *holes in loops.values()]


def _loops(parts: Int32) -> list[tuple[Walk, int]]:
    """Return the closed walks along all edges between a part and what is not of it, each with the number of the part.

    A walk is a list of (row, column), one per unit step, with the part on its right.
    """
    padded = np.pad(parts, 1)
    edge_at = np.full((4, parts.shape[0] + 1, parts.shape[1] + 1), -1)
    starts, headings, owners = [], [], []
    number = 0
    for heading in range(4):
        beyond = padded[_window(parts, _SIDES[heading])]
        pixels = np.argwhere((parts > 0) & (beyond != parts))
        corner = pixels + _STARTS[heading]
        edge_at[heading][tuple(corner.T)] = np.arange(number, number + len(pixels))
        number += len(pixels)
        starts.append(corner)
        headings.append(np.full(len(pixels), heading))
        owners.append(parts[tuple(pixels.T)])
    start, along = np.concatenate(starts), np.concatenate(headings)
    following = _following(edge_at, start + _STEPS[along], along).tolist()
    corners = [(int(row), int(column)) for row, column in start]
    return _walks(following, corners, np.concatenate(owners).tolist())


def _window(parts: Int32, shift: Int64) -> tuple[slice, slice]:
    """Return the slices of the array padded by one that show every pixel's neighbour."""
    rows, columns = (slice(1 + int(by), 1 + int(by) + size) for by, size in zip(shift, parts.shape, strict=True))
    return rows, columns


def _following(edge_at: Int64, end: Int64, heading: Int64) -> Int64:
    """Return the edge that follows each edge: to the right if there is one, else straight on, else to the left.

    Where two parts touch at a corner, turning right stays at the same pixel.
    """
    row, column = end.T
    right, straight, left = (edge_at[(heading + turn) % 4, row, column] for turn in (1, 0, 3))
    following: Int64 = np.where(right >= 0, right, np.where(straight >= 0, straight, left))
    return following


def _walks(following: list[int], corners: Walk, owners: list[int]) -> list[tuple[Walk, int]]:
    done = bytearray(len(following))
    walks = []
    for seed in range(len(following)):
        walk, edge = [], seed
        while not done[edge]:
            done[edge] = 1
            walk.append(corners[edge])
            edge = following[edge]
        if walk:
            walks.append((walk, owners[seed]))
    return walks


def _join(outer: Walk, holes: list[Walk]) -> Walk:
    """Join holes, sorted by their top left corner, to the contour around them.

    From that corner a channel goes west to the first corner of another loop. That loop is the outer one, or a hole
    whose top left corner comes earlier in this order, so it has been joined before.
    """
    joined = list(outer)
    for hole in holes:
        row, column = min(hole)
        turn = hole.index((row, column))
        places = {corner: place for place, corner in enumerate(joined)}
        reached = column - 1
        while (row, reached) not in places:
            reached -= 1
        place = places[row, reached]
        way = [(row, west) for west in range(reached + 1, column)]
        joined[place + 1 : place + 1] = [*way, *hole[turn:], *hole[: turn + 1], *reversed(way), (row, reached)]
    return joined


def _corners(walk: Walk) -> Int64:
    """Drop the points at which a closed walk goes straight on."""
    points = np.array(walk)
    ahead, behind = np.roll(points, -1, axis=0) - points, points - np.roll(points, 1, axis=0)
    corners: Int64 = points[(ahead != behind).any(axis=1)]
    return corners
