/** Which voxels lie under a brush or inside a loop, in one slice. Positions are voxels (column, row, slice), fractions allowed. */
import type { Vector } from "../core/geometry";
import type { Grid, Plane } from "../slices/grid";

interface Flat {
  /** Voxels along both axes of the slice. */
  size: [number, number];
  /** Distance of neighbours along both axes in mm. */
  mm: [number, number];
  /** Position in the slice. */
  at: (voxel: Vector) => [number, number];
  /** Place of a voxel of the slice in the numbers of the volume. */
  offset: (u: number, v: number) => number;
}

/** The slice of a plane that a position is in. */
function flat({ dims, spacing }: Grid, { across, down, through }: Plane, place: Vector): Flat {
  const strides: Vector = [1, dims[0], dims[0] * dims[1]];
  const slice = Math.min(dims[through.axis] - 1, Math.max(0, Math.round(place[through.axis])));
  const base = slice * strides[through.axis];
  return {
    size: [dims[across.axis], dims[down.axis]],
    mm: [spacing[across.axis], spacing[down.axis]],
    at: (voxel) => [voxel[across.axis], voxel[down.axis]],
    offset: (u, v) => base + u * strides[across.axis] + v * strides[down.axis],
  };
}

/** The voxels within `radius` mm of the line between two positions, and the voxel at its end; in the slice of its start. */
export function brushed(grid: Grid, plane: Plane, from: Vector, to: Vector, radius: number): number[] {
  const slice = flat(grid, plane, from);
  const [a, b] = [slice.at(from), slice.at(to)];
  const [[low, high], [top, bottom]] = ([0, 1] as const).map((axis) => {
    const reach = radius / slice.mm[axis];
    return [Math.max(0, Math.floor(Math.min(a[axis], b[axis]) - reach)), Math.min(slice.size[axis] - 1, Math.ceil(Math.max(a[axis], b[axis]) + reach))] as const;
  }) as unknown as [[number, number], [number, number]];
  const end = [Math.round(b[0]), Math.round(b[1])];
  const found: number[] = [];
  for (let v = top; v <= bottom; v += 1) {
    for (let u = low; u <= high; u += 1) {
      if ((u === end[0] && v === end[1]) || distance([u, v], a, b, slice.mm) <= radius) found.push(slice.offset(u, v));
    }
  }
  return found;
}

type Place = readonly [number, number];

/** The distance in mm of a place from a line. */
function distance(place: Place, from: Place, to: Place, mm: Place): number {
  const [right, below] = [(to[0] - from[0]) * mm[0], (to[1] - from[1]) * mm[1]];
  const [x, y] = [(place[0] - from[0]) * mm[0], (place[1] - from[1]) * mm[1]];
  const length = right * right + below * below;
  const part = length ? Math.min(1, Math.max(0, (x * right + y * below) / length)) : 0;
  return Math.hypot(x - part * right, y - part * below);
}

/** The voxels whose middle is inside a closed loop, by the even-odd rule; in the slice of its first position. */
export function inside(grid: Grid, plane: Plane, loop: readonly Vector[]): number[] {
  const [first] = loop;
  if (!first) return [];
  const slice = flat(grid, plane, first);
  const corners = loop.map(slice.at);
  const rows = corners.map(([, v]) => v);
  const found: number[] = [];
  const last = Math.min(slice.size[1] - 1, Math.floor(Math.max(...rows)));
  for (let v = Math.max(0, Math.ceil(Math.min(...rows))); v <= last; v += 1) {
    const crossings = crossed(corners, v);
    for (let at = 0; at + 1 < crossings.length; at += 2) {
      const stop = Math.min(slice.size[0] - 1, Math.floor(crossings[at + 1] ?? 0));
      for (let u = Math.max(0, Math.ceil(crossings[at] ?? 0)); u <= stop; u += 1) found.push(slice.offset(u, v));
    }
  }
  return found;
}

/** Where the edges of a loop cross a row, from left to right. */
function crossed(corners: readonly Place[], row: number): number[] {
  return corners
    .flatMap(([u, v], at) => {
      const [nextU, nextV] = corners[(at + 1) % corners.length] as Place;
      return v <= row === nextV <= row ? [] : [u + ((row - v) / (nextV - v)) * (nextU - u)];
    })
    .sort((a, b) => a - b);
}
