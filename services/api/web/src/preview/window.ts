/** From the numbers of a scan to grey levels. */
import { MAX_SIDE, type Plane } from "./types";

export interface Levels {
  low: number;
  high: number;
}

/** The abdominal window for Hounsfield units (level 40, width 400). */
export const CT_WINDOW: Levels = { low: -160, high: 240 };

/** The 1st and 99th percentile of a sample of all slices that is not the empty background. */
export function robustLevels(planes: readonly Plane[]): Levels {
  const sample: number[] = [];
  const stride = Math.max(1, Math.floor(planes.reduce((sum, plane) => sum + plane.data.length, 0) / 200_000));
  for (const plane of planes) {
    for (let at = 0; at < plane.data.length; at += stride) {
      const value = plane.data[at] ?? 0;
      if (Number.isFinite(value) && value !== 0) sample.push(value);
    }
  }
  sample.sort((a, b) => a - b);
  const at = (part: number): number => sample[Math.min(sample.length - 1, Math.floor(part * sample.length))] ?? 0;
  const low = at(0.01);
  const high = at(0.99);
  return high > low ? { low, high } : { low: low - 1, high: low + 1 };
}

export function shrunk(rows: number, columns: number): { height: number; width: number } {
  const factor = Math.min(1, MAX_SIDE / Math.max(rows, columns, 1));
  return { height: Math.max(1, Math.round(rows * factor)), width: Math.max(1, Math.round(columns * factor)) };
}

/** Writes one plane, windowed and sampled down, into `target` from `offset` on. */
export function draw(plane: Plane, levels: Levels, target: Uint8Array, offset: number, height: number, width: number): void {
  const scale = 255 / (levels.high - levels.low);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(plane.rows - 1, Math.floor(((y + 0.5) * plane.rows) / height)) * plane.columns;
    for (let x = 0; x < width; x += 1) {
      const column = Math.min(plane.columns - 1, Math.floor(((x + 0.5) * plane.columns) / width));
      const value = ((plane.data[row + column] ?? 0) - levels.low) * scale;
      target[offset + y * width + x] = value < 0 ? 0 : value > 255 ? 255 : value;
    }
  }
}
