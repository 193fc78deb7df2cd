import { describe, expect, it } from "vitest";
import { apply, flip, type Matrix, toScene, type Vector } from "../src/core/geometry";
import { boxes, cut } from "../src/draw/crop";
import { type Labels, surface } from "../src/early/nets";

/** Columns to the left, rows to the back, slices to the feet: RAS signs of a stack, with long voxels. */
const STACK: Matrix = [[-1.5, 0, 0, 90], [0, -1.5, 0, -20], [0, 0, -3, 30], [0, 0, 0, 1]];

function ball(dims: Vector, centre: Vector, mm: number, affine: Matrix): Labels {
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  const middle = apply(affine, centre);
  for (let at = 0; at < data.length; at += 1) {
    const voxel: Vector = [at % dims[0], Math.floor(at / dims[0]) % dims[1], Math.floor(at / (dims[0] * dims[1]))];
    if (Math.hypot(...apply(affine, voxel).map((part, axis) => part - (middle[axis] ?? 0))) <= mm) data[at] = 2;
  }
  return { dims, data, affine };
}

function volume(positions: Float32Array, triangles: Uint32Array): number {
  const at = (n: number): Vector => Array.from(positions.subarray(3 * n, 3 * n + 3)) as Vector;
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((n) => at(triangles[t + n] ?? 0)) as [Vector, Vector, Vector];
    sum += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  }
  return (sum / 6) * 1e6;
}

describe("the surface of what is drawn", () => {
  for (const [most, name] of [[1e6, "each voxel"], [40_000, "every second one"]] as [number, string][]) {
    it(`is where its voxels are and as large, from ${name}`, () => {
      const dims: Vector = [64, 64, 34];
      const middle = dims.map((count) => count / 2 + 1) as Vector;
      const radius = 0.4 * dims[0] * 1.5;
      const labels = ball(dims, middle, radius, STACK);
      const box = boxes(labels.data, dims, [2, 5]);
      expect(box.get(5)).toBeNull();
      const part = cut(labels, box.get(2) as [Vector, Vector], most);
      const centre: Vector = [7, -8, 9];
      expect(part.dims[0] < 50).toBe(most < 1e6);
      const { positions, triangles } = surface(part, 2, centre);
      const counted = (labels.data.reduce((sum, label) => sum + (label === 2 ? 1 : 0), 0) * 1.5 * 1.5 * 3) / 1000;
      expect(Math.abs(volume(positions, triangles) / counted - 1)).toBeLessThan(0.08);
      const wanted = toScene(flip(apply(STACK, middle)), centre);
      for (const axis of [0, 1, 2] as const) {
        const along = positions.filter((_, at) => at % 3 === axis);
        const [low, high] = [along.reduce((a, b) => Math.min(a, b)), along.reduce((a, b) => Math.max(a, b))];
        expect(Math.abs((low + high) / 2 - wanted[axis])).toBeLessThan(0.003);
        expect(Math.abs((high - low) / 2 - radius / 1000)).toBeLessThan(0.005);
      }
    });
  }
});
