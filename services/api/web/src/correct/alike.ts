/** Which other parts probably have the same wrong label: parts of neighbouring slices of the file that overlap and look alike. */
import type { Vector } from "../core/geometry";
import { type LabelGrid, partsIn, sliceNumberOf, voxelOf } from "../draw/parts";

/** A part of one slice of the file. */
export interface AlikePart {
  slice: number;
  /** Its places in the label map, and the voxel of one of them. */
  at: number[];
  voxel: Vector;
}

/** The common share of the smaller of two shapes, from which on they overlap. */
const OVERLAP = 0.3;
/** How many standard deviations of the values of the part that was changed the mean of another may differ from theirs. */
const DEVIATIONS = 1.5;
/** Slices without such a part after which the search ends: a part may be missing in some. */
const MOST_MISSING = 2;
const SLICES = 2;

/** The parts of `label` beside voxels that had it until they were changed; `valueOf` gives the scan's value at a place. */
export function alikeParts(grid: LabelGrid, changed: readonly number[], label: number, valueOf: (at: number) => number): AlikePart[] {
  const slices = bySlice(grid.dims, changed);
  const numbers = [...slices.keys()];
  if (numbers.length === 0) return [];
  const looks = likeness(changed.map(valueOf));
  const found = ([1, -1] as const).flatMap((step) => {
    const start = step > 0 ? Math.max(...numbers) : Math.min(...numbers);
    return walk(grid, label, start, step, slices.get(start) ?? [], (part) => looks(part.map(valueOf)));
  });
  return found.sort((a, b) => a.slice - b.slice);
}

/** The parts in one direction, each beside the one before it. */
function walk(grid: LabelGrid, label: number, start: number, step: 1 | -1, first: readonly number[], looks: (part: number[]) => boolean): AlikePart[] {
  const size = grid.dims[0] * grid.dims[1];
  const found: AlikePart[] = [];
  let shape = new Set(first.map((at) => at % size));
  let missing = 0;
  for (let slice = start + step; slice >= 0 && slice < grid.dims[2] && missing <= MOST_MISSING; slice += step) {
    const parts = partsIn(grid, label, SLICES, slice).filter((part) => overlaps(part, shape, size) && looks(part));
    missing = parts.length > 0 ? 0 : missing + 1;
    if (parts.length > 0) shape = new Set(parts.flat().map((at) => at % size));
    for (const at of parts) found.push({ slice, at, voxel: voxelOf(grid.dims, at[0] ?? 0) });
  }
  return found;
}

function overlaps(part: readonly number[], shape: ReadonlySet<number>, size: number): boolean {
  const common = part.reduce((sum, at) => sum + (shape.has(at % size) ? 1 : 0), 0);
  return common >= OVERLAP * Math.min(part.length, shape.size);
}

/** Whether values are like others: their mean is near that of the others. */
function likeness(values: readonly number[]): (others: readonly number[]) => boolean {
  const mean = meanOf(values);
  const deviation = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
  return (others) => Math.abs(meanOf(others) - mean) <= DEVIATIONS * deviation;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function bySlice(dims: Vector, places: readonly number[]): Map<number, number[]> {
  const slices = new Map<number, number[]>();
  for (const at of places) {
    const number = sliceNumberOf(dims, SLICES, at);
    const same = slices.get(number);
    if (same) same.push(at);
    else slices.set(number, [at]);
  }
  return slices;
}

/** The places that had a label before and have another one after. */
export function changedFrom(before: Uint8Array, after: Uint8Array, label: number): number[] {
  const changed: number[] = [];
  for (let at = 0; at < before.length; at += 1) if (before[at] === label && after[at] !== label) changed.push(at);
  return changed;
}

/** The edges of a part, each as two corners in fractions of voxels. */
export function edgesOf(dims: Vector, at: readonly number[]): [Vector, Vector][] {
  const inside = new Set(at);
  const edges: [Vector, Vector][] = [];
  for (const one of at) {
    const [x, y, z] = voxelOf(dims, one);
    const side = (isOut: boolean, from: [number, number], to: [number, number]): void => {
      if (isOut) edges.push([[x + from[0], y + from[1], z], [x + to[0], y + to[1], z]]);
    };
    side(x === 0 || !inside.has(one - 1), [-0.5, -0.5], [-0.5, 0.5]);
    side(x === dims[0] - 1 || !inside.has(one + 1), [0.5, -0.5], [0.5, 0.5]);
    side(y === 0 || !inside.has(one - dims[0]), [-0.5, -0.5], [0.5, -0.5]);
    side(y === dims[1] - 1 || !inside.has(one + dims[0]), [-0.5, 0.5], [0.5, 0.5]);
  }
  return edges;
}
