/** The label maps of finished slices, put together while the segmenter works. */
import type { Vector } from "../core/geometry";
import type { EarlyPart } from "../core/types";
import { readVolume } from "../slices/volume";
import type { Labels } from "./nets";

export interface Piece {
  part: EarlyPart;
  labels: Labels;
}

export async function readLabels(bytes: ArrayBuffer): Promise<Labels> {
  const { dims, data, affine } = await readVolume(bytes);
  return { dims, data: data as Uint8Array, affine };
}

/** One label map from the first to the last slice of all pieces; slices between them are empty. */
export function joined(pieces: readonly Piece[]): Labels | null {
  const sorted = [...pieces].sort((a, b) => a.part.start - b.part.start);
  const [first] = sorted;
  if (!first) return null;
  const axis = 2 - first.part.axis;
  const start = first.part.start;
  const stop = Math.max(...sorted.map(({ part }) => part.stop));
  const dims: Vector = [...first.labels.dims];
  dims[axis] = stop - start;
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (const { part, labels } of sorted) {
    const offset: Vector = [0, 0, 0];
    offset[axis] = part.start - start;
    const [width, height, depth] = labels.dims;
    for (let z = 0; z < depth; z += 1) {
      for (let y = 0; y < height; y += 1) {
        const row = width * (y + height * z);
        const to = offset[0] + dims[0] * (y + offset[1] + dims[1] * (z + offset[2]));
        data.set(labels.data.subarray(row, row + width), to);
      }
    }
  }
  return { dims, data, affine: first.labels.affine };
}
