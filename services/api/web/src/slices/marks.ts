/** Measurements on slices: a length, the mean of an ellipse, the value of a voxel. They stay while the result is open. */
import type { Orientation, Vector } from "../core/geometry";
import { type Plane, planeOf } from "./grid";
import { valueAt, type Volume } from "./volume";

export type MarkKind = "length" | "roi" | "probe";

export interface Mark {
  id: number;
  kind: MarkKind;
  orientation: Orientation;
  /** Voxels, fractions allowed: both ends, opposite corners of the ellipse's box, or twice the same voxel. */
  from: Vector;
  to: Vector;
}

/** mm between both ends. */
export function lengthOf(volume: Volume, { from, to }: Pick<Mark, "from" | "to">): number {
  return Math.hypot(...[0, 1, 2].map((axis) => ((to[axis] ?? 0) - (from[axis] ?? 0)) * (volume.spacing[axis] ?? 1)));
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
export function statistics(volume: Volume, mark: Mark): Statistics | null {
  const plane = planeOf(volume.affine, mark.orientation);
  const values = inside(volume, plane, mark);
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const { across, down } = plane;
  const [a, b] = [across.axis, down.axis].map((axis) => Math.abs(mark.to[axis] - mark.from[axis]) * volume.spacing[axis]);
  const area = (Math.PI * (a ?? 0) * (b ?? 0)) / 4 / 100;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return { mean, deviation: Math.sqrt(variance), least, most, area, voxels: values.length };
}

const LARGEST = 60_000;

function inside(volume: Volume, { across, down }: Plane, { from, to }: Mark): number[] {
  const middle = [across.axis, down.axis].map((axis) => (from[axis] + to[axis]) / 2) as [number, number];
  const half = [across.axis, down.axis].map((axis) => Math.max(Math.abs(to[axis] - from[axis]) / 2, 1e-6)) as [number, number];
  const step = Math.max(1, Math.ceil(Math.sqrt((4 * half[0] * half[1]) / LARGEST)));
  const values: number[] = [];
  const voxel: Vector = [...from];
  for (let v = Math.ceil(middle[1] - half[1]); v <= middle[1] + half[1]; v += step) {
    for (let u = Math.ceil(middle[0] - half[0]); u <= middle[0] + half[0]; u += step) {
      if (((u - middle[0]) / half[0]) ** 2 + ((v - middle[1]) / half[1]) ** 2 > 1) continue;
      voxel[across.axis] = u;
      voxel[down.axis] = v;
      const value = valueAt(volume, voxel);
      if (value !== null) values.push(value);
    }
  }
  return values;
}

/** What is measured, in a few characters. */
export function markText(volume: Volume, mark: Mark): string {
  if (mark.kind === "length") return `${lengthOf(volume, mark).toFixed(1)} mm`;
  if (mark.kind === "probe") return short(valueAt(volume, mark.from) ?? 0);
  const found = statistics(volume, mark);
  return found ? `${short(found.mean)} ± ${short(found.deviation)} · ${found.area.toFixed(1)} cm²` : "–";
}

export function short(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
}
