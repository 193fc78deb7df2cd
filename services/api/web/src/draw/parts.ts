/** Connected parts of a label within one slice of a label map. Pixels connect over an edge or a corner, as the service's do. */
import type { Vector } from "../core/geometry";

export type Axis = 0 | 1 | 2;
export interface LabelGrid {
  labels: Uint8Array;
  dims: Vector;
}

/** Places in the label map, one slice of it along `axis`, row by row. */
interface Slice {
  size: [number, number];
  strides: [number, number];
  base: number;
}

function sliceOf(dims: Vector, axis: Axis, number: number): Slice {
  const strides: Vector = [1, dims[0], dims[0] * dims[1]];
  const [u, v] = ([0, 1, 2] as const).filter((other) => other !== axis) as [Axis, Axis];
  return { size: [dims[u], dims[v]], strides: [strides[u], strides[v]], base: number * strides[axis] };
}

/** The number of the slice along an axis that a place is in. */
export function sliceNumberOf(dims: Vector, axis: Axis, at: number): number {
  if (axis === 0) return at % dims[0];
  return axis === 1 ? Math.floor(at / dims[0]) % dims[1] : Math.floor(at / (dims[0] * dims[1]));
}

export function voxelOf(dims: Vector, at: number): Vector {
  return [sliceNumberOf(dims, 0, at), sliceNumberOf(dims, 1, at), sliceNumberOf(dims, 2, at)];
}

/** The parts of a label in a slice that have at least one of the seeds; without seeds all parts. */
export function partsIn({ labels, dims }: LabelGrid, label: number, axis: Axis, number: number, seeds?: Iterable<number>): number[][] {
  const slice = sliceOf(dims, axis, number);
  const seen = new Set<number>();
  const parts: number[][] = [];
  for (const seed of seeds ?? placesIn(slice)) {
    if (labels[seed] !== label || seen.has(seed)) continue;
    parts.push(flood(labels, label, slice, seed, seen));
  }
  return parts;
}

function* placesIn({ size, strides, base }: Slice): Generator<number> {
  for (let v = 0; v < size[1]; v += 1) for (let u = 0; u < size[0]; u += 1) yield base + u * strides[0] + v * strides[1];
}

function flood(labels: Uint8Array, label: number, slice: Slice, seed: number, seen: Set<number>): number[] {
  const part = [seed];
  seen.add(seed);
  for (let next = 0; next < part.length; next += 1) {
    for (const there of neighbours(slice, part[next] ?? 0)) {
      if (labels[there] !== label || seen.has(there)) continue;
      seen.add(there);
      part.push(there);
    }
  }
  return part;
}

function* neighbours({ size, strides, base }: Slice, at: number): Generator<number> {
  // The longer stride comes second: the slice's own number is taken off before both coordinates are read.
  const v = Math.floor((at - base) / strides[1]);
  const u = Math.floor((at - base - v * strides[1]) / strides[0]);
  for (let y = Math.max(0, v - 1); y <= Math.min(size[1] - 1, v + 1); y += 1) {
    for (let x = Math.max(0, u - 1); x <= Math.min(size[0] - 1, u + 1); x += 1) {
      if (x !== u || y !== v) yield base + x * strides[0] + y * strides[1];
    }
  }
}
