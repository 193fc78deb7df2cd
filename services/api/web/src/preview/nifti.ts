/** NIfTI volumes, turned so that slices run from head to feet, columns to the patient's left, rows to the back. */
import { decompress, isCompressed, isNIFTI, type NIFTI1, type NIFTI2, NIFTI1 as Codes, readHeader, readImage } from "nifti-reader-js";
import { axisOf, type Matrix } from "../core/geometry";
import { type Plane, Unreadable } from "./types";

export interface Turned {
  planes: Plane[];
  spacing: [number, number, number];
}

export function looksLikeNifti(bytes: Uint8Array, path: string): boolean {
  return /\.nii(\.gz)?$/i.test(path) || isNIFTI(whole(bytes));
}

export function readNifti(bytes: Uint8Array): Turned {
  let buffer = whole(bytes);
  if (isCompressed(buffer)) buffer = decompress(buffer) as ArrayBuffer;
  const header = isNIFTI(buffer) ? readHeader(buffer) : null;
  if (!header) throw new Unreadable("This file is not a NIfTI volume.");
  return turn(header, voxels(header, readImage(header, buffer) as ArrayBuffer));
}

function whole(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

function voxels(header: NIFTI1 | NIFTI2, image: ArrayBuffer): ArrayLike<number> {
  const kinds: Record<number, (buffer: ArrayBuffer) => ArrayLike<number>> = {
    [Codes.TYPE_UINT8]: (b) => new Uint8Array(b),
    [Codes.TYPE_INT8]: (b) => new Int8Array(b),
    [Codes.TYPE_INT16]: (b) => new Int16Array(b),
    [Codes.TYPE_UINT16]: (b) => new Uint16Array(b),
    [Codes.TYPE_INT32]: (b) => new Int32Array(b),
    [Codes.TYPE_UINT32]: (b) => new Uint32Array(b),
    [Codes.TYPE_FLOAT32]: (b) => new Float32Array(b),
    [Codes.TYPE_FLOAT64]: (b) => new Float64Array(b),
  };
  const make = kinds[header.datatypeCode];
  if (!make) throw new Unreadable("Voxels of this kind can't be shown by this page.");
  return make(header.littleEndian ? image : swapped(image, header.numBitsPerVoxel / 8));
}

function swapped(image: ArrayBuffer, size: number): ArrayBuffer {
  const bytes = new Uint8Array(image.slice(0));
  for (let at = 0; at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes.buffer;
}

/** Reads along the patient's axes whatever the order in the file. */
function turn(header: NIFTI1 | NIFTI2, data: ArrayLike<number>): Turned {
  const affine = header.affine as Matrix;
  const dims = [1, 2, 3].map((axis) => Math.max(1, header.dims[axis] ?? 1));
  const strides = [1, dims[0] ?? 1, (dims[0] ?? 1) * (dims[1] ?? 1)];
  // RAS: columns towards -R, rows towards -A, slices towards -S.
  const along = [0, 1, 2].map((direction) => {
    const axis = axisOf(affine, direction as 0 | 1 | 2);
    const forward = (affine[direction]?.[axis] ?? 1) < 0;
    return { count: dims[axis] ?? 1, stride: strides[axis] ?? 1, forward, size: Math.abs(header.pixDims[axis + 1] ?? 1) };
  });
  const [column, row, slice] = along as [Along, Along, Along];
  const slope = header.scl_slope || 1;
  const planes = Array.from({ length: slice.count }, (_, k) => {
    const plane = new Float32Array(row.count * column.count);
    for (let j = 0; j < row.count; j += 1) {
      const base = at(slice, k) + at(row, j);
      for (let i = 0; i < column.count; i += 1) {
        plane[j * column.count + i] = (data[base + at(column, i)] ?? 0) * slope + (header.scl_inter || 0);
      }
    }
    return { rows: row.count, columns: column.count, data: plane };
  });
  return { planes, spacing: [column.size, row.size, slice.size] };
}

interface Along {
  count: number;
  stride: number;
  forward: boolean;
  size: number;
}

const at = (axis: Along, index: number): number => (axis.forward ? index : axis.count - 1 - index) * axis.stride;
