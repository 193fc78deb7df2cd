/** Volume and labels as textures of a graphics processor: two bytes and one byte per voxel. */
import {
  Data3DTexture,
  DataTexture,
  DataUtils,
  HalfFloatType,
  LinearFilter,
  NearestFilter,
  RedFormat,
  RedIntegerFormat,
  UnsignedByteType,
} from "three";
import type { Vector } from "../core/geometry";
import type { OrganState } from "../job/state";
import type { Volume } from "./volume";

/** More voxels than this are shown at every second or third one: 3 bytes of each lie in the graphics memory. */
const MOST = 150_000_000;

/** Along each axis every n-th voxel is shown. */
export function strideOf(dims: Vector, longest: number, most = MOST): Vector {
  const stride = dims.map((count) => Math.ceil(count / longest)) as Vector;
  const kept = (): number => dims.reduce((product, count, axis) => product * Math.ceil(count / (stride[axis] ?? 1)), 1);
  while (kept() > most) {
    const sizes = dims.map((count, axis) => count / (stride[axis] ?? 1));
    stride[sizes.indexOf(Math.max(...sizes)) as 0 | 1 | 2] += 1;
  }
  return stride;
}

/** Values from `least` to `most` as 0 to 1. Floats of 16 bits keep half a Hounsfield unit where tissue is. */
export function volumeTexture(volume: Volume, stride: Vector): Data3DTexture {
  const { data, slope, intercept, least, most } = volume;
  const scale = slope / (most - least);
  const shift = (intercept - least) / (most - least);
  const kept = sampled(volume.dims, stride, Uint16Array, (at) => DataUtils.toHalfFloat((data[at] ?? 0) * scale + shift));
  const texture = texture3d(kept.data, kept.dims);
  texture.format = RedFormat;
  texture.type = HalfFloatType;
  texture.minFilter = texture.magFilter = LinearFilter;
  return texture;
}

/** The position of a label in `order` plus one; labels that no organ has are 0. `box` is a part of the map, from a corner to the other. */
export function labelTexture(labels: ArrayLike<number>, dims: Vector, stride: Vector, order: readonly number[], box?: Box): Data3DTexture {
  const place = new Map(order.map((label, at) => [label, at + 1]));
  const kept = sampled(dims, stride, Uint8Array, (at) => (labels[at] ? (place.get(labels[at] as number) ?? 0) : 0), box);
  return integers(kept.data, kept.dims);
}

function integers(data: Uint8Array<ArrayBuffer>, dims: Vector): Data3DTexture {
  const texture = texture3d(data, dims);
  texture.format = RedIntegerFormat;
  texture.type = UnsignedByteType;
  texture.internalFormat = "R8UI";
  texture.minFilter = texture.magFilter = NearestFilter;
  return texture;
}

function texture3d(data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>, dims: Vector): Data3DTexture {
  const texture = new Data3DTexture(data as unknown as Uint8Array<ArrayBuffer>, ...dims);
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  // The page keeps the numbers of the file only, not those of the texture too.
  texture.onUpdate = () => ((texture.image as { data: unknown }).data = null);
  return texture;
}

/** Two voxels, both included. */
export type Box = [low: Vector, high: Vector];

function sampled<T extends Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>>(
  dims: Vector,
  stride: Vector,
  Kind: new (count: number) => T,
  value: (at: number) => number,
  [low, high]: Box = [[0, 0, 0], dims.map((count) => count - 1) as Vector],
): { data: T; dims: Vector } {
  const size = low.map((first, axis) => Math.ceil(((high[axis] ?? first) - first + 1) / (stride[axis] ?? 1))) as Vector;
  const data = new Kind(size[0] * size[1] * size[2]);
  let to = 0;
  for (let z = low[2]; z <= high[2]; z += stride[2]) {
    for (let y = low[1]; y <= high[1]; y += stride[1]) {
      const row = dims[0] * (y + dims[1] * z);
      for (let x = low[0]; x <= high[0]; x += stride[0]) data[to++] = value(row + x);
    }
  }
  return { data, dims: size };
}

export const COLOURS = 256;

/** The colour of each organ and, as alpha, how strongly it fills its outline; alpha 0 shows nothing of it. */
export function palette(texture: DataTexture, organs: readonly OrganState[], fill: number, selected: string | null): void {
  const colours = texture.image.data as Uint8Array;
  colours.fill(0);
  organs.slice(0, COLOURS - 1).forEach((organ, at) => {
    const strength = Math.min(1, fill + (organ.name === selected ? 0.25 : 0)) * organ.opacity.value;
    colours.set([...organ.colour, organ.visible.value ? 1 + Math.round(254 * strength) : 0], 4 * (at + 1));
  });
  texture.needsUpdate = true;
}

export function emptyPalette(): DataTexture {
  return new DataTexture(new Uint8Array(4 * COLOURS), COLOURS, 1);
}
