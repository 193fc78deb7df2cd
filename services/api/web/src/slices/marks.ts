/** Measurements on slices: a length, an angle, the mean of an ellipse, the value of a voxel. */
import { apply, type Orientation, type Vector } from "../core/geometry";
import { type Plane, planeOf } from "./grid";
import { valueAt, type Volume } from "./volume";

export type MarkKind = "length" | "angle" | "area" | "probe";

export interface Shape {
  kind: MarkKind;
  orientation: Orientation;
  /**
   * Voxels, fractions allowed: both ends of a length; three of an angle, the vertex second; both ends of one axis of an
   * ellipse and then of the other; one voxel.
   */
  points: Vector[];
}

export interface Mark extends Shape {
  id: string;
  label: string;
  /** Whether it was drawn since the result was opened. */
  own: boolean;
}

/** What the pointer has drawn so far: of an ellipse the opposite corners of its box, and always an open last point. */
export type Draft = Shape;

export const isMarkKind = (tool: string): tool is MarkKind => tool === "length" || tool === "angle" || tool === "area" || tool === "probe";

const part = (a: Vector, b: Vector, act: (a: number, b: number) => number): Vector => [act(a[0], b[0]), act(a[1], b[1]), act(a[2], b[2])];
const minus = (a: Vector, b: Vector): Vector => part(a, b, (x, y) => x - y);
const middleOf = (a: Vector, b: Vector): Vector => part(a, b, (x, y) => (x + y) / 2);
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** The shape that a draft makes. */
export function shapeOf(volume: Volume, draft: Draft): Shape {
  const [from, to] = draft.points;
  if (draft.kind === "probe") return { ...draft, points: draft.points.slice(0, 1) };
  if (draft.kind !== "area" || !from || !to) return draft;
  const { across, down } = planeOf(volume.affine, draft.orientation);
  const end = (axis: 0 | 1 | 2, side: Vector): Vector => {
    const point = middleOf(from, to);
    point[axis] = side[axis];
    return point;
  };
  return { ...draft, points: [end(across.axis, from), end(across.axis, to), end(down.axis, from), end(down.axis, to)] };
}

/** The farthest that two points of a shape are apart along one voxel axis. */
export function extentOf({ points: [first, ...others] }: Shape): number {
  return Math.max(0, ...others.flatMap((point) => (first ? minus(point, first).map(Math.abs) : [])));
}

/** The place to look at: the middle of all points. */
export function centreOf({ points }: Shape): Vector {
  const sum = points.reduce((all, point) => part(all, point, (a, b) => a + b), [0, 0, 0]);
  return sum.map((value) => value / points.length) as Vector;
}

/** mm between both ends. */
export function lengthOf(volume: Volume, { points: [from, to] }: Shape): number {
  return from && to ? Math.hypot(...minus(apply(volume.affine, to), apply(volume.affine, from))) : 0;
}

/** The angle at the second point, degrees. */
export function angleOf(volume: Volume, { points }: Shape): number {
  const [a, vertex, b] = points.map((point) => apply(volume.affine, point));
  if (!a || !vertex || !b) return 0;
  const [first, second] = [minus(a, vertex), minus(b, vertex)];
  return (Math.atan2(Math.hypot(...cross(first, second)), dot(first, second)) * 180) / Math.PI;
}

export interface Statistics {
  mean: number;
  deviation: number;
  least: number;
  most: number;
  /** cm². */
  area: number;
  voxels: number;
}

/** Of the voxels whose centres lie in the ellipse; null where there is none. */
export function statistics(volume: Volume, mark: Shape): Statistics | null {
  const values = inside(volume, planeOf(volume.affine, mark.orientation), mark.points);
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const [a, b] = halves(mark.points.map((point) => apply(volume.affine, point)));
  const area = (Math.PI * Math.hypot(...cross(a, b))) / 100;
  const [least, most] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  return { mean, deviation: Math.sqrt(variance), least, most, area, voxels: values.length };
}

/** From the middle of an ellipse to the ends of both axes. */
export function halves([a, b, c, d]: Vector[]): [Vector, Vector] {
  const half = (from?: Vector, to?: Vector): Vector => (from && to ? part(from, to, (x, y) => (y - x) / 2) : [0, 0, 0]);
  return [half(a, b), half(c, d)];
}

const LARGEST = 60_000;

function inside(volume: Volume, { across, down }: Plane, points: Vector[]): number[] {
  const [a, b] = halves(points);
  const middle = centreOf({ kind: "area", orientation: "axial", points });
  const [u, v] = [across.axis, down.axis];
  const whole = a[u] * b[v] - a[v] * b[u];
  if (Math.abs(whole) < 1e-9) return [];
  const [width, height] = [Math.hypot(a[u], b[u]), Math.hypot(a[v], b[v])];
  const step = Math.max(1, Math.ceil(Math.sqrt((4 * width * height) / LARGEST)));
  const values: number[] = [];
  const voxel: Vector = [...middle];
  for (let y = Math.ceil(middle[v] - height); y <= middle[v] + height; y += step) {
    for (let x = Math.ceil(middle[u] - width); x <= middle[u] + width; x += step) {
      const [right, below] = [x - middle[u], y - middle[v]];
      if (((right * b[v] - below * b[u]) / whole) ** 2 + ((below * a[u] - right * a[v]) / whole) ** 2 > 1) continue;
      voxel[u] = x;
      voxel[v] = y;
      const value = valueAt(volume, voxel);
      if (value !== null) values.push(value);
    }
  }
  return values;
}

/** What is measured, in a few characters. */
export function markText(volume: Volume, mark: Shape): string {
  if (mark.kind === "length") return `${lengthOf(volume, mark).toFixed(1)} mm`;
  if (mark.kind === "angle") return `${angleOf(volume, mark).toFixed(1)}°`;
  if (mark.kind === "probe") return short(valueAt(volume, mark.points[0] ?? [0, 0, 0]) ?? 0);
  const found = statistics(volume, mark);
  return found ? `${short(found.mean)} ± ${short(found.deviation)} · ${found.area.toFixed(1)} cm²` : "–";
}

export function short(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
}
