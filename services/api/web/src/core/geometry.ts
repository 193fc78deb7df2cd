/**
 * Where voxels lie, in the three spaces in use: NIfTI's RAS mm, DICOM's LPS mm, and the scene of the GLB in metres
 * (LPS (x, y, z) becomes (x, z, -y) / 1000 after `centre` was subtracted).
 */

export type Vector = [number, number, number];
/** Rows of a 4 x 4 matrix. */
export type Matrix = number[][];
export type Orientation = "axial" | "coronal" | "sagittal";

/** RAS row that each plane is perpendicular to. */
export const NORMAL: Record<Orientation, 0 | 1 | 2> = { sagittal: 0, coronal: 1, axial: 2 };

export function flip(point: Vector): Vector {
  return [-point[0], -point[1], point[2]];
}

export function toScene(lps: Vector, centre: Vector): Vector {
  const [x, y, z] = [lps[0] - centre[0], lps[1] - centre[1], lps[2] - centre[2]];
  return [x / 1000, z / 1000, -y / 1000];
}

export function toPatient(scene: Vector, centre: Vector): Vector {
  return [scene[0] * 1000 + centre[0], -scene[2] * 1000 + centre[1], scene[1] * 1000 + centre[2]];
}

export function apply(matrix: Matrix, point: Vector): Vector {
  const row = (at: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = matrix[at] ?? [];
    return a * point[0] + b * point[1] + c * point[2] + d;
  };
  return [row(0), row(1), row(2)];
}

/** The index whose `matrix` image is `point`: Cramer's rule on the 3 x 3 part. */
export function unapply(matrix: Matrix, point: Vector): Vector {
  const column = (at: number): Vector => [0, 1, 2].map((row) => matrix[row]?.[at] ?? 0) as Vector;
  const [a, b, c, d] = [column(0), column(1), column(2), column(3)];
  const r: Vector = [point[0] - d[0], point[1] - d[1], point[2] - d[2]];
  const whole = det(a, b, c);
  return [det(r, b, c) / whole, det(a, r, c) / whole, det(a, b, r) / whole];
}

/** The determinant of three vectors: their signed volume. */
export function det(a: Vector, b: Vector, c: Vector): number {
  return (
    a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
  );
}

/** The voxel axis that runs closest to a patient axis (0 right-left, 1 front-back, 2 feet-head); each axis once. */
export function axisOf(affine: Matrix, direction: 0 | 1 | 2): number {
  const cosine = (row: number, axis: number): number => {
    const column = [0, 1, 2].map((at) => affine[at]?.[axis] ?? 0);
    return Math.abs(affine[row]?.[axis] ?? 0) / (Math.hypot(...column) || 1);
  };
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const fit = (order: number[]): number => order.reduce((sum, axis, row) => sum + cosine(row, axis), 0);
  const best = orders.reduce((a, b) => (fit(b) > fit(a) + 1e-9 ? b : a));
  return best[direction] ?? direction;
}

export interface Slab {
  axis: number;
  /** Number of the slice along `axis`. */
  index: number;
  /** Corners in scene metres: first along u, then along v, where u and v are the two other voxel axes. */
  corners: [Vector, Vector, Vector, Vector];
  u: number;
  v: number;
}

/** The slice of a volume through a patient point, as a rectangle in the scene that covers whole voxels. */
export function slab(affine: Matrix, dims: Vector, lps: Vector, orientation: Orientation, centre: Vector): Slab {
  const axis = axisOf(affine, NORMAL[orientation]);
  const [u, v] = [0, 1, 2].filter((other) => other !== axis) as [number, number];
  const count = dims[axis] ?? 1;
  const place = unapply(affine, flip(lps))[axis] ?? 0;
  const index = Math.min(count - 1, Math.max(0, Math.round(place)));
  const corner = (atU: number, atV: number): Vector => {
    const voxel: Vector = [0, 0, 0];
    voxel[axis] = index;
    voxel[u] = atU * (dims[u] ?? 1) - 0.5;
    voxel[v] = atV * (dims[v] ?? 1) - 0.5;
    return toScene(flip(apply(affine, voxel)), centre);
  };
  return { axis, index, u, v, corners: [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)] };
}

const LETTERS = [
  ["R", "L"],
  ["A", "P"],
  ["I", "S"],
] as const;

/** The letter of the side that an LPS direction points to. */
export function letterOf(lps: Vector, sign: 1 | -1): string {
  const size = lps.map(Math.abs);
  const axis = size.indexOf(Math.max(...size));
  return LETTERS[axis]?.[(lps[axis] ?? 0) * sign > 0 ? 1 : 0] ?? "";
}

export function distance(a: Vector, b: Vector): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
