"""Distances between two triangle surfaces, exact from sampled points to triangles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[Any]
NEIGHBOURS = 12


@dataclass(frozen=True, slots=True)
class Distance:
    """Symmetric distances in mm: mean, 95th percentile of both ways, and the mean angle between normals (degrees)."""

    mean: float
    hd95: float
    normal_deg: float


class Surface:
    """A surface prepared for nearest-point queries: `vertices` (n, 3) mm, `faces` (m, 3) wound outward."""

    def __init__(self, vertices: Array, faces: Array, gap: float = 0.8) -> None:
        self.corners = np.asarray(vertices, dtype=np.float64)[np.asarray(faces)]
        across = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.areas = np.linalg.norm(across, axis=1) / 2.0
        self.normals = across / np.maximum(2.0 * self.areas[:, None], 1e-12)
        rng = np.random.default_rng(7)
        counts = 1 + np.floor(self.areas / gap**2).astype(int)
        self.owner = np.repeat(np.arange(len(self.corners)), counts)
        points = _barycentric(self.corners[self.owner], rng)
        centres = self.corners.mean(axis=1)
        self.tree = cKDTree(np.concatenate([centres, points]))
        self.owner = np.concatenate([np.arange(len(centres)), self.owner])

    def sample(self, count: int, seed: int = 1) -> tuple[Array, Array]:
        """Points spread evenly by area, with their face numbers."""
        rng = np.random.default_rng(seed)
        face = rng.choice(len(self.areas), count, p=self.areas / self.areas.sum())
        return _barycentric(self.corners[face], rng), face

    def nearest(self, points: Array) -> tuple[Array, Array]:
        """Distance from each point to the surface, and the nearest face."""
        best = np.full(len(points), np.inf)
        face = np.zeros(len(points), dtype=int)
        _, index = self.tree.query(points, k=NEIGHBOURS, workers=-1)
        for k in range(NEIGHBOURS):
            candidate = self.owner[np.minimum(index[:, k], len(self.owner) - 1)]
            distance = point_triangle(points, self.corners[candidate])
            nearer = distance < best
            best[nearer], face[nearer] = distance[nearer], candidate[nearer]
        return best, face


def _barycentric(corners: Array, rng: np.random.Generator) -> Array:
    r, s = np.sqrt(rng.random(len(corners))), rng.random(len(corners))
    weights = np.stack([1 - r, r * (1 - s), r * s], axis=1)
    return np.einsum("nk,nkc->nc", weights, corners)


def point_triangle(p: Array, corners: Array) -> Array:
    """Distances (n,) from points (n, 3) to triangles (n, 3, 3): the plane's foot if inside, else the nearest edge."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    size = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-30)
    wa = np.einsum("ij,ij->i", np.cross(c - b, p - b), normal)
    wb = np.einsum("ij,ij->i", np.cross(a - c, p - c), normal)
    wc = np.einsum("ij,ij->i", np.cross(b - a, p - a), normal)
    inside = (wa >= 0) & (wb >= 0) & (wc >= 0)
    plane = np.abs(np.einsum("ij,ij->i", p - a, normal)) / np.sqrt(size)
    edges = np.minimum(np.minimum(_segment(p, a, b), _segment(p, b, c)), _segment(p, c, a))
    return np.where(inside, plane, edges)


def _segment(p: Array, a: Array, b: Array) -> Array:
    along = b - a
    t = np.einsum("ij,ij->i", p - a, along) / np.maximum(np.einsum("ij,ij->i", along, along), 1e-30)
    return np.linalg.norm(p - a - np.clip(t, 0, 1)[:, None] * along, axis=1)


def compare(ours: Surface, truth: Surface, count: int = 40000) -> Distance:
    """Symmetric distance of two surfaces from `count` samples on each."""
    there, there_face = ours.sample(count)
    back, back_face = truth.sample(count)
    d1, f1 = truth.nearest(there)
    d2, f2 = ours.nearest(back)
    cosine = np.concatenate(
        [
            np.einsum("ij,ij->i", ours.normals[there_face], truth.normals[f1]),
            np.einsum("ij,ij->i", truth.normals[back_face], ours.normals[f2]),
        ]
    )
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean()
    return Distance((d1.mean() + d2.mean()) / 2.0, max(np.percentile(d1, 95), np.percentile(d2, 95)), float(angle))


def interpenetration(inner: Surface, outer: Surface, depth: float = 0.1, count: int = 40000) -> float:
    """The share of the `inner` surface's area that lies deeper than `depth` mm inside the `outer` one."""
    points, _ = inner.sample(count)
    low, high = outer.corners.min(axis=(0, 1)), outer.corners.max(axis=(0, 1))
    near = ((points > low) & (points < high)).all(axis=1)
    if not near.any():
        return 0.0
    points = points[near]
    distance, face = outer.nearest(points)
    behind = np.einsum("ij,ij->i", points - outer.corners[face].mean(axis=1), outer.normals[face]) < 0
    return float((behind & (distance > depth)).sum() / count)
