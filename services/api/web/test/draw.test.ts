import { beforeEach, describe, expect, it } from "vitest";
import type { Vector } from "../src/core/geometry";
import { keep, restore } from "../src/draw/drafts";
import { Drawing, places, runs } from "../src/draw/drawing";
import { type LabelGrid, partsIn } from "../src/draw/parts";
import { seeds } from "../src/draw/seeds";
import { brushed, inside } from "../src/draw/shapes";
import { type Grid, planeOf } from "../src/slices/grid";

const RAS = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
] as unknown as Grid["affine"];
const grid: Grid = { dims: [7, 6, 5], spacing: [1, 2, 3], affine: RAS };
const voxels = (offsets: number[]): Vector[] => offsets.map((at) => [at % 7, Math.floor(at / 7) % 6, Math.floor(at / 42)]);

describe("a brush", () => {
  it("reaches as far in mm along both axes, in one slice", () => {
    const axial = voxels(brushed(grid, planeOf(RAS, "axial"), [3, 3, 2], [3, 3, 2], 2));
    expect(axial).toHaveLength(7); // five along the row of 1 mm, one above and one below of 2 mm
    expect(axial.every(([, , slice]) => slice === 2)).toBe(true);
    const coronal = voxels(brushed(grid, planeOf(RAS, "coronal"), [3, 3, 2], [3, 3, 2], 3));
    expect(coronal).toContainEqual([3, 3, 1]);
    expect(coronal).toContainEqual([6, 3, 2]);
    expect(coronal.every(([, row]) => row === 3)).toBe(true);
  });

  it("leaves no gap between two positions, and always has the voxel under it", () => {
    const line = voxels(brushed(grid, planeOf(RAS, "axial"), [0, 0, 0], [6, 0, 0], 0.4));
    expect(line.map(([column]) => column)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(voxels(brushed(grid, planeOf(RAS, "axial"), [2.4, 1.4, 0], [2.4, 1.4, 0], 0.01))).toEqual([[2, 1, 0]]);
  });

  it("stops at the edge of the scan", () => {
    const corner = voxels(brushed(grid, planeOf(RAS, "axial"), [-1, -1, 9], [-1, -1, 9], 4));
    expect(corner.length).toBeGreaterThan(0);
    expect(corner.every(([column, row, slice]) => column >= 0 && row >= 0 && slice === 4)).toBe(true);
  });
});

describe("a loop", () => {
  it("has the voxels whose middle is inside", () => {
    const square: Vector[] = [[0.5, 0.5, 1], [3.5, 0.5, 1], [3.5, 2.5, 1], [0.5, 2.5, 1]];
    expect(voxels(inside(grid, planeOf(RAS, "axial"), square))).toEqual([[1, 1, 1], [2, 1, 1], [3, 1, 1], [1, 2, 1], [2, 2, 1], [3, 2, 1]]);
  });

  it("leaves out what it winds round twice", () => {
    const bow: Vector[] = [[0, 0, 0], [4, 4, 0], [4, 0, 0], [0, 4, 0]];
    const found = voxels(inside(grid, planeOf(RAS, "axial"), bow));
    expect(found).toContainEqual([3, 2, 0]);
    expect(found).not.toContainEqual([2, 3, 0]);
  });

  it("without an extent has nothing", () => {
    expect(inside(grid, planeOf(RAS, "axial"), [])).toEqual([]);
    expect(inside(grid, planeOf(RAS, "axial"), [[1.2, 1.2, 0], [1.3, 1.2, 0]])).toEqual([]);
  });
});

describe("a drawing", () => {
  let drawing: Drawing;
  const stroke = (label: number, ...at: number[]): void => {
    drawing.begin(label);
    drawing.put(at);
    drawing.end();
  };
  beforeEach(() => {
    drawing = new Drawing(Uint8Array.from([0, 0, 1, 1, 2, 2, 0, 0]));
  });

  it("is taken back and made again without end", () => {
    const before = Array.from(drawing.labels);
    stroke(3, 1, 2, 3);
    stroke(0, 3, 4);
    const after = Array.from(drawing.labels);
    expect(after).toEqual([0, 3, 3, 0, 0, 2, 0, 0]);
    drawing.undo();
    drawing.undo();
    expect(Array.from(drawing.labels)).toEqual(before);
    expect(drawing.undo()).toBeNull();
    drawing.redo();
    drawing.redo();
    expect(Array.from(drawing.labels)).toEqual(after);
    expect(drawing.canRedo).toBe(false);
  });

  it("forgets what was taken back once something new is drawn", () => {
    stroke(3, 0);
    drawing.undo();
    stroke(1, 0);
    expect(drawing.redo()).toBeNull();
  });

  it("counts what each label gained and lost", () => {
    stroke(3, 1, 2, 3);
    expect([0, 1, 3].map((label) => drawing.gained(label))).toEqual([-1, -2, 3]);
    drawing.undo();
    expect([0, 1, 3].map((label) => drawing.gained(label))).toEqual([0, 0, 0]);
  });

  it("is told to the server as runs of what is different at the end", () => {
    stroke(3, 0, 1, 2, 3);
    stroke(1, 2, 3);
    stroke(0, 5);
    expect(drawing.edits()).toEqual([
      { kind: "paint", label: 3, runs: [[0, 2]] },
      { kind: "paint", label: 0, runs: [[5, 1]] },
    ]);
  });

  it("keeps what the service changed in its place between strokes by hand, and takes it back like one", () => {
    const smooth = { kind: "smooth", label: 2, mm: 1 } as const;
    stroke(3, 0);
    const before = Array.from(drawing.labels);
    expect(drawing.become(Uint8Array.from([3, 0, 2, 1, 0, 2, 2, 0]), smooth)).toBe(3);
    stroke(1, 0, 7);
    expect(drawing.edits()).toEqual([
      { kind: "paint", label: 3, runs: [[0, 1]] },
      smooth,
      { kind: "paint", label: 1, runs: [[0, 1], [7, 1]] },
    ]);
    expect(drawing.changedLabels.sort()).toEqual([1, 2, 3]);
    drawing.undo();
    drawing.undo();
    expect(Array.from(drawing.labels)).toEqual(before);
    drawing.redo();
    expect(Array.from(drawing.labels)).toEqual([3, 0, 2, 1, 0, 2, 2, 0]);
    expect(drawing.become(Uint8Array.from(drawing.labels), smooth)).toBe(0);
    expect(drawing.strokes).toHaveLength(2);
  });

  it("ignores strokes that change nothing", () => {
    stroke(1, 2, 3);
    expect(drawing.strokes).toHaveLength(0);
    expect(drawing.edits()).toEqual([]);
  });

  it("is kept in the browser until it is saved, for the version that it was drawn on", () => {
    const kept = new Map<string, string>();
    globalThis.localStorage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    } as unknown as Storage;
    stroke(3, 0, 1);
    drawing.become(Uint8Array.from([3, 2, 1, 0, 2, 2, 0, 0]), { kind: "fill", label: 2 });
    keep("job_a", 4, drawing);
    const again = new Drawing(Uint8Array.from([0, 0, 1, 1, 2, 2, 0, 0]));
    expect(restore("job_a", 4, again)).toBe(true);
    expect(Array.from(again.labels)).toEqual(Array.from(drawing.labels));
    expect(again.strokes).toHaveLength(2);
    expect(again.edits()).toEqual(drawing.edits());
    expect(restore("job_a", 5, new Drawing(new Uint8Array(8)))).toBe(false);
    kept.set("viscera.drawing.job_a", JSON.stringify({ revision: 4, strokes: [{ label: 3, runs: [[0, 2]] }] }));
    expect(restore("job_a", 4, new Drawing(new Uint8Array(8)))).toBe(false);
    expect(kept.size).toBe(0);
  });
});

describe("parts of a slice", () => {
  // Two rows of a slice of 4 x 3; the second slice has one more part.
  const labels = Uint8Array.from([1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 2, 0].concat([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]));
  const map: LabelGrid = { labels, dims: [4, 3, 2] };
  const sorted = (parts: number[][]): number[][] => parts.map((part) => part.sort((a, b) => a - b));

  it("hang together over corners too, and do not leave the slice", () => {
    expect(sorted(partsIn(map, 1, 2, 0))).toEqual([[0, 5], [3, 7]]);
    expect(sorted(partsIn(map, 1, 2, 1))).toEqual([[20]]);
    expect(sorted(partsIn(map, 1, 0, 0))).toEqual([[0], [20]]);
    expect(sorted(partsIn(map, 1, 1, 0))).toEqual([[0], [3]]);
  });

  it("are found from places in them alone", () => {
    expect(sorted(partsIn(map, 1, 2, 0, [7, 3, 1]))).toEqual([[3, 7]]);
  });

  it("count as drawn where a stroke gave or took the label, each once", () => {
    const drawing = new Drawing(Uint8Array.from(labels));
    for (const [label, at] of [[1, 4], [0, 3], [1, 21], [2, 11]] as const) {
      drawing.begin(label);
      drawing.put([at]);
      drawing.end();
    }
    const found = seeds({ labels: drawing.labels, dims: map.dims }, drawing.strokes, 1, 2);
    expect(found.map((voxel) => voxel[2])).toEqual([0, 0, 1]);
    expect(found.slice(1)).toEqual([[3, 1, 0], [1, 2, 1]]);
  });
});

it("runs and places are each other's way back", () => {
  const at = Uint32Array.from([1, 2, 3, 7, 9, 10]);
  expect(runs(at)).toEqual([[1, 3], [7, 1], [9, 2]]);
  expect([...places(runs(at))]).toEqual([...at]);
});
