/** PNG slices (RFC 2083): grey of 8 or 16 bits is decoded here, because a canvas keeps only 8; the rest by the browser. */
import { unzlibSync } from "fflate";
import { type Plane, Unreadable } from "./types";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

/** The slice number in a file name: the first run of digits after "slice", else the last one. */
export function sliceNumber(path: string): number {
  const name = path.split("/").pop() ?? path;
  const match = /slice[_-]?(\d+)/i.exec(name) ?? /(\d+)(?!.*\d)/.exec(name);
  return match ? Number(match[1]) : Number.NaN;
}

/** Width and height of a pixel in mm from names such as slice_0001_266_266_1.50_1.50.png, or null. */
export function pixelSize(path: string): [number, number] | null {
  const match = /slice_\d+_\d+_\d+_(\d+\.?\d*)_(\d+\.?\d*)\.png$/i.exec(path);
  return match ? [Number(match[1]), Number(match[2])] : null;
}

export async function readPng(bytes: Uint8Array<ArrayBuffer>): Promise<Plane> {
  return grey(bytes) ?? byBrowser(bytes);
}

async function byBrowser(bytes: Uint8Array<ArrayBuffer>): Promise<Plane> {
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const { width: columns, height: rows } = bitmap;
  const context = new OffscreenCanvas(columns, rows).getContext("2d");
  if (!context) throw new Unreadable("This browser can't draw the slices.");
  context.drawImage(bitmap, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, columns, rows);
  const data = new Uint8Array(rows * columns);
  for (let at = 0; at < data.length; at += 1) data[at] = rgba[4 * at] ?? 0;
  return { rows, columns, data };
}

function grey(bytes: Uint8Array): Plane | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const columns = view.getUint32(16);
  const rows = view.getUint32(20);
  const [depth, colour, , , interlace] = bytes.subarray(24, 29);
  if (colour !== 0 || interlace !== 0 || (depth !== 8 && depth !== 16)) return null;
  const size = depth / 8;
  const raw = unzlibSync(imageData(bytes, view));
  const stride = columns * size;
  unfilter(raw, rows, stride, size);
  const data = new Uint16Array(rows * columns);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      const at = y * (stride + 1) + 1 + x * size;
      data[y * columns + x] = size === 1 ? (raw[at] ?? 0) : ((raw[at] ?? 0) << 8) | (raw[at + 1] ?? 0);
    }
  }
  return { rows, columns, data };
}

function imageData(bytes: Uint8Array, view: DataView): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Undoes the filters of PNG section 6, in place. */
function unfilter(raw: Uint8Array, rows: number, stride: number, size: number): void {
  for (let y = 0; y < rows; y += 1) {
    const start = y * (stride + 1) + 1;
    const filter = raw[start - 1];
    if (filter === 0) continue;
    for (let x = 0; x < stride; x += 1) {
      const at = start + x;
      const left = x >= size ? (raw[at - size] ?? 0) : 0;
      const up = y > 0 ? (raw[at - stride - 1] ?? 0) : 0;
      const corner = x >= size && y > 0 ? (raw[at - stride - 1 - size] ?? 0) : 0;
      raw[at] = (raw[at] ?? 0) + predicted(filter ?? 0, left, up, corner);
    }
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const p = left + up - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
