/** The label maps of finished slices, put together while the segmenter works. */
import { decompress, isCompressed, readHeader, readImage } from "nifti-reader-js";
import type { Matrix, Vector } from "../core/geometry";
import type { EarlyPart } from "../core/types";
import type { Labels } from "./nets";

export interface Piece {
  part: EarlyPart;
  labels: Labels;
}

export function readLabels(bytes: ArrayBuffer): Labels {
  const buffer = isCompressed(bytes) ? (decompress(bytes) as ArrayBuffer) : bytes;
  const header = readHeader(buffer);
  if (!header) throw new Error("The early outlines can't be read.");
  const dims = [1, 2, 3].map((axis) => header.dims[axis] ?? 1) as Vector;
  return { dims, data: new Uint8Array(readImage(header, buffer) as ArrayBuffer), affine: header.affine as Matrix };
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
