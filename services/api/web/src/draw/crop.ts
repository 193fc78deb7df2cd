/** The box of a label in a label map, cut out for a surface of what is drawn. */
import { apply, type Vector } from "../core/geometry";
import { coarse, type Labels } from "../early/nets";

/** Voxels of one surface at most: so many take about a tenth of a second. */
const MOST = 1_500_000;

type Box = [low: Vector, high: Vector];

/** The smallest box of each label, both corners included; null for a label without voxels. */
export function boxes(data: Uint8Array, dims: Vector, labels: readonly number[]): Map<number, Box | null> {
  const found = new Map<number, Box | null>(labels.map((label) => [label, null]));
  let at = 0;
  for (let z = 0; z < dims[2]; z += 1) {
    for (let y = 0; y < dims[1]; y += 1) {
      for (let x = 0; x < dims[0]; x += 1, at += 1) {
        const label = data[at] ?? 0;
        if (label > 0 && found.has(label)) found.set(label, extend(found.get(label) ?? null, x, y, z));
      }
    }
  }
  return found;
}

function extend(box: Box | null, x: number, y: number, z: number): Box {
  if (!box) return [[x, y, z], [x, y, z]];
  const [low, high] = box;
  if (x < low[0]) low[0] = x;
  if (x > high[0]) high[0] = x;
  if (y < low[1]) low[1] = y;
  if (y > high[1]) high[1] = y;
  low[2] = Math.min(low[2], z);
  high[2] = Math.max(high[2], z);
  return box;
}

/** A box of a label map with its own affine; of one with more voxels than `most` every second or third voxel. */
export function cut({ dims, data, affine }: Labels, [low, high]: Box, most = MOST): Labels {
  const size = high.map((last, axis) => last - (low[axis] ?? 0) + 1) as Vector;
  const part = new Uint8Array(size[0] * size[1] * size[2]);
  for (let z = 0; z < size[2]; z += 1) {
    for (let y = 0; y < size[1]; y += 1) {
      const from = low[0] + dims[0] * (low[1] + y + dims[1] * (low[2] + z));
      part.set(data.subarray(from, from + size[0]), size[0] * (y + size[1] * z));
    }
  }
  const origin = apply(affine, low);
  const moved = affine.map((row, at) => (at < 3 ? [...row.slice(0, 3), origin[at] ?? 0] : row));
  return subsample({ dims: size, data: part, affine: moved }, most);
}

function subsample(labels: Labels, most: number): Labels {
  const [x, y, z] = labels.dims;
  const sides = [0, 1, 2].map((axis) => Math.hypot(...[0, 1, 2].map((row) => labels.affine[row]?.[axis] ?? 0)));
  const every = Math.ceil(Math.cbrt((x * y * z) / most));
  return every > 1 ? coarse(labels, every * Math.min(...sides)) : labels;
}
