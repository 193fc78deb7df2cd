import { describe, expect, it } from "vitest";
import { flip, type Matrix, toPatient, type Vector } from "../src/core/geometry";
import { coarse, handedness, type Labels, surface } from "../src/early/nets";
import { finishedSlices, withPart } from "../src/early/list";
import { joined } from "../src/early/parts";

const STACK: Matrix = [[-1.5, 0, 0, 10], [0, -1.5, 0, -20], [0, 0, -3, 30], [0, 0, 0, 1]];
const MIRRORED: Matrix = [[1.5, 0, 0, 10], [0, -1.5, 0, -20], [0, 0, -3, 30], [0, 0, 0, 1]];
const OBLIQUE: Matrix = [[-0.7, 0, 3.8, 10], [-1.9, 0, -1.4, -20], [0, -2, 0, 30], [0, 0, 0, 1]];

function block(dims: Vector, from: Vector, to: Vector, affine: Matrix, label = 2): Labels {
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (let z = from[2]; z < to[2]; z += 1)
    for (let y = from[1]; y < to[1]; y += 1)
      for (let x = from[0]; x < to[0]; x += 1) data[x + dims[0] * (y + dims[1] * z)] = label;
  return { dims, data, affine };
}

/** Volume in mL: a sixth of the sum of the triangles' determinants (divergence theorem). */
function volume(positions: Float32Array, triangles: Uint32Array): number {
  const at = (n: number): Vector => [positions[3 * n] ?? 0, positions[3 * n + 1] ?? 0, positions[3 * n + 2] ?? 0];
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [at(triangles[t] ?? 0), at(triangles[t + 1] ?? 0), at(triangles[t + 2] ?? 0)];
    sum += a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
  }
  return (sum / 6) * 1e6;
}

describe("the early surface", () => {
  for (const [name, affine] of Object.entries({ STACK, MIRRORED, OBLIQUE })) {
    it(`is closed, points outwards and has the block's volume: ${name}`, () => {
      const labels = block([30, 28, 26], [4, 5, 6], [24, 22, 25], affine);
      const { positions, triangles } = surface(labels, 2, [0, 0, 0]);
      const edges = new Map<string, number>();
      for (let t = 0; t < triangles.length; t += 3)
        for (const n of [0, 1, 2]) {
          const key = `${triangles[t + n]} ${triangles[t + ((n + 1) % 3)]}`;
          edges.set(key, (edges.get(key) ?? 0) + 1);
        }
      for (const [key, count] of edges) {
        expect(count).toBe(1);
        expect(edges.get(key.split(" ").reverse().join(" "))).toBe(1);
      }
      const expected = (20 * 17 * 19 * Math.abs(handedness(affine))) / 1000;
      expect(volume(positions, triangles) / expected).toBeGreaterThan(0.93);
      expect(volume(positions, triangles) / expected).toBeLessThan(1.0);
    });

    it(`lies where the voxels are: ${name}`, () => {
      const labels = block([20, 20, 20], [3, 8, 11], [5, 10, 14], affine);
      const centre: Vector = [5, -6, 7];
      const { positions } = surface(labels, 2, centre);
      const ras = (x: number, y: number, z: number): Vector =>
        [0, 1, 2].map((row) => [x, y, z, 1].reduce((sum, value, at) => sum + value * (affine[row]?.[at] ?? 0), 0)) as Vector;
      const want = ras(3.5, 8.5, 12);
      const mean: Vector = [0, 0, 0];
      for (let at = 0; at < positions.length; at += 3) {
        const point = flip(toPatient([positions[at] ?? 0, positions[at + 1] ?? 0, positions[at + 2] ?? 0], centre));
        point.forEach((value, axis) => (mean[axis] = (mean[axis] ?? 0) + (value * 3) / positions.length));
      }
      mean.forEach((value, axis) => expect(value).toBeCloseTo(want[axis] ?? 0, 1));
    });
  }

  it("is closed at the border of the label map and where voxels meet at a corner", () => {
    const labels = block([4, 4, 4], [0, 0, 0], [4, 4, 4], STACK);
    expect(volume(...(Object.values(surface(labels, 2, [0, 0, 0])) as [Float32Array, Uint32Array]))).toBeGreaterThan(0);
    expect(surface(labels, 1, [0, 0, 0]).triangles.length).toBe(0);
  });

  it("keeps its place on a coarser copy", () => {
    const labels = block([60, 60, 20], [10, 20, 4], [40, 50, 16], STACK);
    const small = coarse(labels, 4.5);
    expect(small.dims).toEqual([20, 20, 10]);
    const [fine, rough] = [labels, small].map((each) => {
      const { positions, triangles } = surface(each, 2, [0, 0, 0]);
      return volume(positions, triangles);
    }) as [number, number];
    expect(Math.abs(rough / fine - 1)).toBeLessThan(0.2);
  });
});

describe("early parts", () => {
  const part = (number: number, start: number, stop: number, axis = 0, attempt = 1) => ({
    attempt, number, axis, start, stop, href: "",
  });

  for (const axis of [0, 1, 2]) {
    it(`are put together along array axis ${axis}, in any order`, () => {
      const whole = block([7, 6, 9], [1, 2, 3], [5, 5, 8], STACK, 3);
      const file = 2 - axis;
      const cut = (start: number, stop: number): Labels => {
        const dims: Vector = [...whole.dims];
        dims[file] = stop - start;
        const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
        for (let z = 0; z < dims[2]; z += 1)
          for (let y = 0; y < dims[1]; y += 1)
            for (let x = 0; x < dims[0]; x += 1) {
              const from: Vector = [x, y, z];
              from[file] = (from[file] ?? 0) + start;
              data[x + dims[0] * (y + dims[1] * z)] = whole.data[from[0] + 7 * (from[1] + 6 * from[2])] ?? 0;
            }
        return { dims, data, affine: whole.affine };
      };
      const count = whole.dims[file] ?? 0;
      const pieces = [
        { part: part(1, 3, count, axis), labels: cut(3, count) },
        { part: part(0, 0, 3, axis), labels: cut(0, 3) },
      ];
      expect(joined(pieces)?.data).toEqual(whole.data);
    });
  }

  it("of another attempt replace the earlier ones", () => {
    const first = withPart(withPart([], part(0, 0, 8)), part(1, 8, 12));
    expect(finishedSlices(first)).toEqual([...Array(12).keys()]);
    expect(finishedSlices(withPart(first, part(0, 0, 2, 0, 2)))).toEqual([0, 1]);
    expect(finishedSlices([part(0, 0, 4, 2)])).toEqual([]);
  });
});
