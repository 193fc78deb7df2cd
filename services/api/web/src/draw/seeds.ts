/** Between which parts of an organ the service interpolates: those that somebody drew. */
import type { Vector } from "../core/geometry";
import type { Stroke } from "./drawing";
import { type Axis, type LabelGrid, partsIn, sliceNumberOf, voxelOf } from "./parts";

/** A voxel of each part that strokes by hand changed, in each slice along an axis. What an eraser took lets the part beside it count. */
export function seeds(grid: LabelGrid, strokes: readonly Stroke[], label: number, axis: Axis): Vector[] {
  const drawn = new Map<number, Set<number>>();
  for (const { at, before, after, edit } of strokes) {
    if (edit) continue;
    at.forEach((one, index) => {
      if (before[index] !== label && after[index] !== label) return;
      const number = sliceNumberOf(grid.dims, axis, one);
      const places = drawn.get(number) ?? new Set<number>();
      drawn.set(number, places);
      for (const place of around(grid, axis, one)) places.add(place);
    });
  }
  return [...drawn].sort(([a], [b]) => a - b).flatMap(([number, places]) => partsIn(grid, label, axis, number, places).map(([first = 0]) => voxelOf(grid.dims, first)));
}

/** A place and the four beside it in its slice. */
function around({ dims }: LabelGrid, axis: Axis, at: number): number[] {
  const strides = [1, dims[0], dims[0] * dims[1]] as const;
  const voxel = voxelOf(dims, at);
  const found = [at];
  for (const other of ([0, 1, 2] as const).filter((one) => one !== axis)) {
    if (voxel[other] > 0) found.push(at - strides[other]);
    if (voxel[other] < dims[other] - 1) found.push(at + strides[other]);
  }
  return found;
}
