import { expect, it } from "vitest";
import { alikeParts, changedFrom, edgesOf } from "../src/correct/alike";
import type { Vector } from "../src/core/geometry";

const dims: Vector = [8, 6, 9];
const place = (x: number, y: number, z: number): number => x + 8 * (y + 6 * z);

/** A label map with blocks of 2 x 2 pixels of label 1, each at a corner (column, row, slice). */
function blocks(...corners: Vector[]): Uint8Array {
  const labels = new Uint8Array(8 * 6 * 9);
  for (const [x, y, z] of corners) for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]] as const) labels[place(x + dx, y + dy, z)] = 1;
  return labels;
}

/** The blocks that look like the first one, once that was changed. */
function alike(valueOf: (at: number) => number, first: Vector, ...others: Vector[]): Vector[] {
  const [before, after] = [blocks(first, ...others), blocks(...others)];
  const changed = changedFrom(before, after, 1);
  expect(changed).toHaveLength(4);
  return alikeParts({ labels: after, dims }, changed, 1, valueOf).map(({ voxel }) => voxel);
}
const even = (at: number): number => 100 + (at % 2);

it("parts of neighbouring slices follow each other while they overlap, over at most two slices without one", () => {
  expect(alike(even, [2, 2, 4], [2, 2, 5], [3, 2, 6], [4, 2, 7], [2, 2, 1])).toEqual([[2, 2, 1], [2, 2, 5], [3, 2, 6], [4, 2, 7]]);
  expect(alike(even, [2, 2, 4], [2, 2, 0], [2, 2, 8])).toEqual([]);
});

it("parts beside, or in the same slice, are no such parts", () => {
  expect(alike(even, [2, 2, 4], [5, 2, 5], [5, 2, 4])).toEqual([]);
});

it("parts with other values are no such parts, and end the search where nothing else follows", () => {
  const bright = (at: number): number => even(at) + (Math.floor(at / 48) === 5 ? 50 : 0);
  expect(alike(bright, [2, 2, 4], [2, 2, 5], [2, 2, 6])).toEqual([[2, 2, 6]]);
});

it("the edges of a part close round it", () => {
  const edges = edgesOf(dims, [place(0, 0, 3), place(1, 0, 3)]);
  expect(edges).toHaveLength(6);
  const ends = new Map<string, number>();
  for (const end of edges.flat()) ends.set(end.join(), (ends.get(end.join()) ?? 0) + 1);
  expect([...ends.values()].every((count) => count === 2)).toBe(true);
});
