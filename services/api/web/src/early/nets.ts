/**
 * A quick closed surface around one label: surface nets (Gibson 1998) on a coarse copy of the label map. The mesher's
 * surface replaces it when the job is done.
 */
import { apply, det, flip, type Matrix, toScene, type Vector } from "../core/geometry";

export interface Labels {
  /** Columns, rows, slices; columns vary fastest in `data`. */
  dims: Vector;
  data: Uint8Array;
  /** Index to RAS mm. */
  affine: Matrix;
}

export interface Surface {
  /** x, y, z of each corner in scene metres around `centre`. */
  positions: Float32Array;
  /** Three corners for each triangle, counter-clockwise from outside. */
  triangles: Uint32Array;
}

const PASSES = 3;

/** Every n-th voxel along each axis, so that voxels are about `mm` wide. */
export function coarse(labels: Labels, mm: number): Labels {
  const steps = [0, 1, 2].map((axis) => {
    const size = Math.hypot(...[0, 1, 2].map((row) => labels.affine[row]?.[axis] ?? 0));
    return Math.max(1, Math.round(mm / size));
  }) as Vector;
  const dims = labels.dims.map((count, axis) => Math.ceil(count / (steps[axis] ?? 1))) as Vector;
  const [width, height] = labels.dims;
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  let at = 0;
  for (let k = 0; k < dims[2]; k += 1) {
    for (let j = 0; j < dims[1]; j += 1) {
      const row = width * (j * steps[1] + height * k * steps[2]);
      for (let i = 0; i < dims[0]; i += 1, at += 1) data[at] = labels.data[row + i * steps[0]] ?? 0;
    }
  }
  const affine = labels.affine.map((row, r) => row.map((value, c) => (r < 3 && c < 3 ? value * (steps[c] ?? 1) : value)));
  return { dims, data, affine };
}

/** The surface of the voxels with this label; voxels outside of the label map count as empty. */
export function surface(labels: Labels, label: number, centre: Vector): Surface {
  const [nx, ny, nz] = labels.dims;
  const inside = (x: number, y: number, z: number): boolean =>
    x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz && labels.data[x + nx * (y + ny * z)] === label;
  // A cell (x, y, z) has its corners at the voxel centres x to x + 1; its number counts cells from -1 on.
  const cell = (x: number, y: number, z: number): number => x + 1 + (nx + 1) * (y + 1 + (ny + 1) * (z + 1));
  const corners = new Map<number, number>();
  const places: number[] = [];
  const corner = (x: number, y: number, z: number): number => {
    const key = cell(x, y, z);
    let number = corners.get(key);
    if (number === undefined) {
      number = places.length / 3;
      corners.set(key, number);
      places.push(...middle(inside, x, y, z));
    }
    return number;
  };
  const quads: number[] = [];
  const turned = handedness(labels.affine) < 0;
  const edge = (at: Vector, axis: 0 | 1 | 2, leaves: boolean): void => {
    const [b, c] = [(axis + 1) % 3, (axis + 2) % 3];
    const around = ([db, dc]: [number, number]): number => {
      const place: Vector = [...at];
      place[b] = (place[b] ?? 0) + db;
      place[c] = (place[c] ?? 0) + dc;
      return corner(...place);
    };
    const ring = ([[-1, -1], [0, -1], [0, 0], [-1, 0]] as [number, number][]).map(around);
    quads.push(...(leaves === turned ? ring.reverse() : ring));
  };
  for (let z = -1; z < nz; z += 1) {
    for (let y = -1; y < ny; y += 1) {
      for (let x = -1; x < nx; x += 1) {
        const here = inside(x, y, z);
        if (here !== inside(x + 1, y, z)) edge([x, y, z], 0, here);
        if (here !== inside(x, y + 1, z)) edge([x, y, z], 1, here);
        if (here !== inside(x, y, z + 1)) edge([x, y, z], 2, here);
      }
    }
  }
  return placed(smooth(places, quads), quads, labels.affine, centre);
}

/** The mean of the middles of a cell's edges that cross the surface. */
function middle(inside: (x: number, y: number, z: number) => boolean, x: number, y: number, z: number): Vector {
  const sum: Vector = [0, 0, 0];
  let count = 0;
  const full = (n: number): boolean => inside(x + (n & 1), y + ((n >> 1) & 1), z + ((n >> 2) & 1));
  for (let first = 0; first < 8; first += 1) {
    for (const bit of [1, 2, 4]) {
      if (first & bit || full(first) === full(first | bit)) continue;
      count += 1;
      for (const axis of [0, 1, 2]) sum[axis] = (sum[axis] ?? 0) + (1 << axis === bit ? 0.5 : (first >> axis) & 1);
    }
  }
  return [x + sum[0] / count, y + sum[1] / count, z + sum[2] / count];
}

/** Moves corners half-way to the mean of their neighbours, a few times. */
function smooth(places: number[], quads: number[]): Float64Array {
  let now = Float64Array.from(places);
  for (let pass = 0; pass < PASSES; pass += 1) {
    const sums = new Float64Array(now.length);
    const counts = new Uint16Array(now.length / 3);
    for (let q = 0; q < quads.length; q += 4) {
      for (let n = 0; n < 4; n += 1) {
        const [a, b] = [quads[q + n] ?? 0, quads[q + ((n + 1) & 3)] ?? 0];
        counts[a] = (counts[a] ?? 0) + 1;
        for (let axis = 0; axis < 3; axis += 1) sums[3 * a + axis] = (sums[3 * a + axis] ?? 0) + (now[3 * b + axis] ?? 0);
      }
    }
    const next = now;
    now = sums.map((sum, at) => 0.5 * (next[at] ?? 0) + (0.5 * sum) / (counts[Math.floor(at / 3)] || 1));
  }
  return now;
}

function placed(places: Float64Array, quads: number[], affine: Matrix, centre: Vector): Surface {
  const positions = new Float32Array(places.length);
  for (let at = 0; at < places.length; at += 3) {
    const index: Vector = [places[at] ?? 0, places[at + 1] ?? 0, places[at + 2] ?? 0];
    positions.set(toScene(flip(apply(affine, index)), centre), at);
  }
  const triangles = new Uint32Array((quads.length / 4) * 6);
  for (let q = 0; q < quads.length / 4; q += 1) {
    const [a, b, c, d] = quads.slice(4 * q, 4 * q + 4) as [number, number, number, number];
    triangles.set([a, b, c, a, c, d], 6 * q);
  }
  return { positions, triangles };
}

/** The signed volume of a voxel in cubic mm: negative where the affine mirrors the index axes. */
export function handedness(affine: Matrix): number {
  const [a, b, c] = [0, 1, 2].map((row) => (affine[row] ?? []).slice(0, 3)) as [Vector, Vector, Vector];
  return det(a, b, c);
}
