import { describe, expect, it } from "vitest";
import type { Matrix, Vector } from "../src/core/geometry";
import { barLength, type Grid, planeOf, type Sight, sliceNumber, type Tile, tiles, toPixel, toVoxel } from "../src/slices/grid";
import { angleOf, extentOf, lengthOf, markText, type Shape, shapeOf, statistics } from "../src/slices/marks";
import { strideOf } from "../src/slices/textures";
import { levels, offset, readVolume, valueAt, type Volume } from "../src/slices/volume";
import { CT_PRESETS, dragged, levelOf, presets, windowOf } from "../src/slices/windows";

/** Columns to the patient's right, rows to the front, slices to the head: what NIfTI calls RAS. */
const RAS: Matrix = [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]];
/** Rows run to the feet and slices to the back: a coronal scan as DICOM stores it. */
const CORONAL: Matrix = [[-1, 0, 0, 0], [0, 0, -5, 0], [0, -1, 0, 0], [0, 0, 0, 1]];
const grid = (affine: Matrix, dims: Vector): Grid => ({ affine, dims, spacing: [0, 1, 2].map((axis) => Math.hypot(...[0, 1, 2].map((row) => affine[row]?.[axis] ?? 0))) as Vector });
const sight = (centre: Vector, cross = centre, zoom = 1): Sight => ({ centre, cross, zoom });

describe("planes", () => {
  it("show the patient's left on the right and the back or the feet below, however the voxels run", () => {
    expect(planeOf(RAS, "axial")).toEqual({ across: { axis: 0, sign: -1 }, down: { axis: 1, sign: -1 }, through: { axis: 2, sign: -1 } });
    expect(planeOf(CORONAL, "coronal")).toEqual({ across: { axis: 0, sign: 1 }, down: { axis: 1, sign: 1 }, through: { axis: 2, sign: 1 } });
    expect(planeOf(RAS, "sagittal").across).toEqual({ axis: 1, sign: -1 });
  });

  it("number slices from the head, the front and the right", () => {
    const volume = grid(RAS, [10, 20, 30]);
    expect(sliceNumber(volume, planeOf(RAS, "axial"), [0, 0, 29])).toEqual({ number: 1, count: 30 });
    expect(sliceNumber(volume, planeOf(RAS, "axial"), [0, 0, 0])).toEqual({ number: 30, count: 30 });
    expect(sliceNumber(volume, planeOf(RAS, "coronal"), [0, 19, 0]).number).toBe(1);
  });
});

describe("pixels", () => {
  const volume = grid(RAS, [10, 20, 30]);
  const tile: Tile = { orientation: "axial", x: 0, y: 0, width: 200, height: 100 };
  const plane = planeOf(RAS, "axial");

  it("and voxels belong to each other, moved and enlarged too", () => {
    for (const seen of [sight([4.5, 9.5, 14.5]), sight([2, 3, 4], [1, 1, 7], 3.5)]) {
      const voxel = toVoxel(volume, plane, tile, seen, 130, 20);
      const [x, y] = toPixel(volume, plane, tile, seen, voxel);
      expect(x).toBeCloseTo(130, 6);
      expect(y).toBeCloseTo(20, 6);
      expect(voxel[2]).toBe(Math.round(seen.cross[2]));
    }
  });

  it("show the whole slice in true proportions", () => {
    const [left] = toPixel(volume, plane, tile, sight([4.5, 9.5, 0]), [9.5, 0, 0]);
    const [right] = toPixel(volume, plane, tile, sight([4.5, 9.5, 0]), [-0.5, 0, 0]);
    expect([left, right]).toEqual([50, 150]);
  });
});

describe("tiles", () => {
  it("fill the view without overlapping, beside or below each other", () => {
    for (const [width, height] of [[900, 500], [400, 800]] as const) {
      const all = tiles("all", width, height);
      const area = all.reduce((sum, tile) => sum + tile.width * tile.height, 0);
      expect(area).toBeGreaterThan(0.98 * width * height);
      expect(area).toBeLessThanOrEqual(width * height);
      expect(all.every((tile) => tile.x + tile.width <= width && tile.y + tile.height <= height)).toBe(true);
    }
    expect(tiles("coronal", 300, 200)).toEqual([{ orientation: "coronal", x: 0, y: 0, width: 300, height: 200 }]);
  });

  it("have a bar of a round length", () => {
    expect(barLength(2, 90)).toBe(20);
    expect(barLength(0.5, 90)).toBe(100);
    expect(barLength(40, 90)).toBe(2);
  });
});

describe("windows", () => {
  it("have presets for CT only", () => {
    expect(presets("CT").map(({ key }) => key)).toEqual(["1", "2", "3", "4", "5"]);
    expect(presets("MR")).toEqual([]);
    expect(windowOf(CT_PRESETS[0]!)).toEqual([-160, 240]);
  });

  it("widen to the right, darken downwards, and never close", () => {
    const before = levelOf([-160, 240]);
    const after = levelOf(dragged([-160, 240], 50, 25, 4000, 500));
    expect(after.width).toBeGreaterThan(before.width);
    expect(after.level).toBeGreaterThan(before.level);
    expect(levelOf(dragged([-160, 240], -5000, 0, 4000, 500)).width).toBeGreaterThan(0);
  });
});

function volumeOf(data: Int16Array, dims: Vector, affine = RAS): Volume {
  return { ...grid(affine, dims), data, slope: 2, intercept: -10, ...levels(data, 2, -10) };
}

describe("measurements", () => {
  const volume = volumeOf(Int16Array.from({ length: 10 * 20 * 3 }, (_, at) => at % 10), [10, 20, 3]);
  const mark = (part: Partial<Shape>): Shape => ({ kind: "length", orientation: "axial", points: [[0, 0, 1], [3, 8, 1]], ...part });

  it("are in millimetres of the patient", () => {
    expect(lengthOf(volume, mark({}))).toBe(10);
    expect(markText(volume, mark({}))).toBe("10.0 mm");
  });

  it("of an ellipse take the voxels inside it", () => {
    const ellipse = shapeOf(volume, mark({ kind: "area", points: [[2, 4, 1], [6, 12, 1]] }));
    expect(ellipse.points).toEqual([[2, 8, 1], [6, 8, 1], [4, 4, 1], [4, 12, 1]]);
    const found = statistics(volume, ellipse);
    expect(found?.mean).toBe(-2);
    expect([found?.least, found?.most]).toEqual([-6, 2]);
    expect(found?.area).toBeCloseTo((Math.PI * 4 * 4) / 100, 6);
  });

  it("of an ellipse that is turned take the same voxels as those of its axes", () => {
    const upright: Shape["points"] = [[2, 8, 1], [6, 8, 1], [4, 2, 1], [4, 14, 1]];
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const end = (sign: 1 | -1, a: number, b: number): Shape["points"][0] => [4 + sign * a * 2, 8 + sign * b * 6, 1];
    const diameters = [end(-1, c, s), end(1, c, s), end(-1, -s, c), end(1, -s, c)];
    const [first, second] = [upright, diameters].map((points) => statistics(volume, mark({ kind: "area", points })));
    expect(second?.voxels).toBe(first?.voxels);
    expect(second?.mean).toBeCloseTo(first?.mean ?? NaN, 9);
    expect(second?.area).toBeCloseTo(first?.area ?? NaN, 9);
  });

  it("of an angle are at its vertex, in the patient's millimetres", () => {
    const square = mark({ kind: "angle", points: [[4, 0, 1], [0, 0, 1], [0, 3, 1]] });
    expect(angleOf(volume, square)).toBeCloseTo(90, 9);
    expect(markText(volume, mark({ kind: "angle", points: [[4, 0, 1], [0, 0, 1], [4, 8, 1]] }))).toBe("45.0°");
    expect(extentOf(square)).toBe(4);
  });

  it("read scaled values and nothing outside", () => {
    expect(valueAt(volume, [4.4, 0, 0])).toBe(-2);
    expect(valueAt(volume, [10, 0, 0])).toBeNull();
    expect(offset(volume, [0, 0, -1])).toBe(-1);
  });
});

describe("volumes", () => {
  it("have a window without background and outliers", () => {
    const data = Int16Array.from({ length: 10_000 }, (_, at) => (at < 5000 ? 0 : at === 9999 ? 32_000 : 100 + (at % 400)));
    const { least, most, robust } = levels(data, 1, 0);
    expect([least, most]).toEqual([0, 32_000]);
    expect(robust[0]).toBeGreaterThanOrEqual(100);
    expect(robust[1]).toBeLessThan(500);
  });

  it("that are too large are shown coarser along their longest axes", () => {
    expect(strideOf([512, 512, 400], 2048)).toEqual([1, 1, 1]);
    const stride = strideOf([1024, 1024, 400], 2048);
    expect(Math.ceil(1024 / stride[0]) * Math.ceil(1024 / stride[1]) * Math.ceil(400 / stride[2])).toBeLessThanOrEqual(150_000_000);
    expect(strideOf([600, 10, 10], 256)).toEqual([3, 1, 1]);
  });

  it("are read where they are NIfTI and refused where not", async () => {
    await expect(readVolume(new ArrayBuffer(400))).rejects.toThrow("not a NIfTI");
  });
});
