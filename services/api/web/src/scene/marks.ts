/** Measurements and arrows on the model: their points are places on surfaces, patient LPS mm. */
import type { Vector } from "../core/geometry";

export type SurfaceKind = "length" | "angle" | "polygon" | "arrow";

export interface SurfaceShape {
  kind: SurfaceKind;
  /** Both ends; an angle's vertex second; a polygon's corners; the place an arrow points at and its other end. */
  points: Vector[];
}

export interface SurfaceMark extends SurfaceShape {
  id: string;
  label: string;
  /** Whether it was made since the result was opened. */
  own: boolean;
}

/** Corners of a polygon. */
export const [LEAST_CORNERS, MOST_CORNERS] = [3, 50];
/** With this many points a shape is complete; a polygon is when somebody closes it. */
export const COMPLETE: Record<SurfaceKind, number> = { length: 2, angle: 3, polygon: MOST_CORNERS, arrow: 2 };

const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

export function middleOf(points: readonly Vector[]): Vector {
  const sum = points.reduce<Vector>((all, point) => [all[0] + point[0], all[1] + point[1], all[2] + point[2]], [0, 0, 0]);
  return sum.map((part) => part / Math.max(1, points.length)) as Vector;
}

/** cm²: the length of the vector area of a closed polygon, which need not be flat (Newell), as the service computes it. */
export function areaOf(points: readonly Vector[]): number {
  const middle = middleOf(points);
  const around = points.map((point) => minus(point, middle));
  const sum: Vector = [0, 0, 0];
  around.forEach((point, at) => {
    const next = around[(at + 1) % around.length] ?? point;
    cross(point, next).forEach((part, axis) => (sum[axis] = (sum[axis] ?? 0) + part));
  });
  return Math.hypot(...sum) / 200;
}

/** mm, degrees or cm²; null while points are missing, and of an arrow. */
export function valueOf({ kind, points }: SurfaceShape): number | null {
  const [a, b, c] = points;
  if (kind === "length") return a && b ? Math.hypot(...minus(a, b)) : null;
  if (kind === "polygon") return c ? areaOf(points) : null;
  if (kind === "arrow" || !a || !b || !c) return null;
  const [first, second] = [minus(a, b), minus(c, b)];
  return (Math.atan2(Math.hypot(...cross(first, second)), dot(first, second)) * 180) / Math.PI;
}

const UNITS = { length: " mm", angle: "°", polygon: " cm²", arrow: "" } as const;

/** What is measured, in a few characters; empty while points are missing, and of an arrow. */
export function valueText(shape: SurfaceShape): string {
  const value = valueOf(shape);
  return value === null ? "" : `${value.toFixed(1)}${UNITS[shape.kind]}`;
}

const LONGEST = 40;

/** What stands beside it in the model. */
export function captionOf(shape: SurfaceShape, label = ""): string {
  const name = label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label;
  return [name, valueText(shape)].filter(Boolean).join("\n");
}

/** Where the caption stands: at an angle's vertex, the blunt end of an arrow, else in the middle. */
export function captionPlace({ kind, points }: SurfaceShape): Vector {
  return (kind === "angle" || kind === "arrow" ? points[1] : undefined) ?? middleOf(points);
}
