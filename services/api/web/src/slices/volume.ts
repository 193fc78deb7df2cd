/** A NIfTI volume or label map in memory, as its own numbers. */
import { NIFTI1 as Codes, type NIFTI1, type NIFTI2, isNIFTI, readHeader } from "nifti-reader-js";
import type { Matrix, Vector } from "../core/geometry";
import type { Grid } from "./grid";

export type Numbers = Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

export interface Volume extends Grid {
  /** First voxel axis fastest. */
  data: Numbers;
  slope: number;
  intercept: number;
  /** Smallest and largest value, scaled. */
  least: number;
  most: number;
  /** A window without the background and the brightest voxels. */
  robust: [number, number];
}

const KINDS: Record<number, new (buffer: ArrayBuffer, from: number, count: number) => Numbers> = {
  [Codes.TYPE_UINT8]: Uint8Array,
  [Codes.TYPE_INT8]: Int8Array,
  [Codes.TYPE_INT16]: Int16Array,
  [Codes.TYPE_UINT16]: Uint16Array,
  [Codes.TYPE_INT32]: Int32Array,
  [Codes.TYPE_UINT32]: Uint32Array,
  [Codes.TYPE_FLOAT32]: Float32Array,
  [Codes.TYPE_FLOAT64]: Float64Array,
};

export async function readVolume(bytes: ArrayBuffer): Promise<Volume> {
  const buffer = await unpacked(bytes);
  const header = isNIFTI(buffer) ? readHeader(buffer) : null;
  if (!header) throw new Error("The file is not a NIfTI volume.");
  const dims = [1, 2, 3].map((axis) => Math.max(1, header.dims[axis] ?? 1)) as Vector;
  const data = numbers(header, buffer, dims[0] * dims[1] * dims[2]);
  const slope = header.scl_slope || 1;
  const intercept = header.scl_inter || 0;
  const affine = header.affine as Matrix;
  const spacing = [0, 1, 2].map((axis) => Math.hypot(...[0, 1, 2].map((row) => affine[row]?.[axis] ?? 0)) || 1) as Vector;
  return { dims, spacing, affine, data, slope, intercept, ...levels(data, slope, intercept) };
}

async function unpacked(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

function numbers(header: NIFTI1 | NIFTI2, buffer: ArrayBuffer, count: number): Numbers {
  const Kind = KINDS[header.datatypeCode];
  if (!Kind || !header.littleEndian) throw new Error("Voxels of this kind can't be shown by this page.");
  const size = header.numBitsPerVoxel / 8;
  const from = header.vox_offset;
  return from % size === 0 ? new Kind(buffer, from, count) : new Kind(buffer.slice(from, from + count * size), 0, count);
}

const SAMPLE = 200_000;

/** The range of all values, and the 1st and 99th percentile of a sample of those that are not the background. */
export function levels(data: ArrayLike<number>, slope: number, intercept: number): Pick<Volume, "least" | "most" | "robust"> {
  let [low, high] = [Infinity, -Infinity];
  const sample: number[] = [];
  const stride = Math.max(1, Math.floor(data.length / SAMPLE));
  for (let at = 0; at < data.length; at += 1) {
    const value = data[at] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
    if (at % stride === 0 && value !== 0 && Number.isFinite(value)) sample.push(value);
  }
  const scaled = (value: number): number => value * slope + intercept;
  const [least, most] = low <= high ? [scaled(low), scaled(high)] : [0, 1];
  sample.sort((a, b) => a - b);
  const at = (part: number): number => scaled(sample[Math.min(sample.length - 1, Math.floor(part * sample.length))] ?? 0);
  const robust: [number, number] = at(0.99) > at(0.01) ? [at(0.01), at(0.99)] : [least, Math.max(most, least + 1)];
  return { least, most: Math.max(most, least + 1e-6), robust };
}

/** The scaled value of a voxel; null outside. */
export function valueAt(volume: Volume, voxel: Vector): number | null {
  const at = offset(volume, voxel);
  return at < 0 ? null : (volume.data[at] ?? 0) * volume.slope + volume.intercept;
}

/** Where a voxel's number is in `data`; -1 outside. */
export function offset({ dims }: Grid, [x, y, z]: Vector): number {
  const [i, j, k] = [Math.round(x), Math.round(y), Math.round(z)];
  const inside = i >= 0 && j >= 0 && k >= 0 && i < dims[0] && j < dims[1] && k < dims[2];
  return inside ? i + dims[0] * (j + dims[1] * k) : -1;
}
