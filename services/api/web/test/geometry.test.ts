import { describe, expect, it } from "vitest";
import { apply, axisOf, flip, letterOf, type Matrix, slab, toPatient, toScene, unapply, type Vector } from "../src/core/geometry";

/** A PNG stack's RAS affine: columns to the left, rows to the back, slices to the feet. */
const STACK: Matrix = [
  [-1.5, 0, 0, 0],
  [0, -1.5, 0, 0],
  [0, 0, -3, 0],
  [0, 0, 0, 1],
];
/** Sagittal slices, turned by 20 degrees about the head-foot axis. */
const [c, s] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)];
const OBLIQUE: Matrix = [
  [-2 * s, 0, 4 * c, 10],
  [-2 * c, 0, -4 * s, -20],
  [0, -2, 0, 30],
  [0, 0, 0, 1],
];

describe("spaces", () => {
  it("puts the patient's left at +X, the head at +Y and the front at +Z of the scene", () => {
    const centre: Vector = [100, 100, -50];
    expect(toScene([200, 100, -50], centre)).toEqual([0.1, 0, -0]);
    expect(toScene([100, 100, 50], centre)).toEqual([0, 0.1, -0]);
    expect(toScene([100, 0, -50], centre)).toEqual([0, 0, 0.1]);
  });

  it("comes back from the scene to the same patient point", () => {
    const [point, centre]: Vector[] = [[12, -34, 56], [7, 8, 9]];
    const back = toPatient(toScene(point as Vector, centre as Vector), centre as Vector);
    back.forEach((value, at) => expect(value).toBeCloseTo((point as Vector)[at] as number, 9));
  });

  it("inverts an affine", () => {
    const voxel: Vector = [3.5, 20, 7.25];
    unapply(OBLIQUE, apply(OBLIQUE, voxel)).forEach((value, at) => expect(value).toBeCloseTo(voxel[at] as number, 9));
  });
});

describe("slices", () => {
  it("finds the axis of each plane even where the volume is turned", () => {
    expect([0, 1, 2].map((direction) => axisOf(STACK, direction as 0 | 1 | 2))).toEqual([0, 1, 2]);
    expect([0, 1, 2].map((direction) => axisOf(OBLIQUE, direction as 0 | 1 | 2))).toEqual([2, 0, 1]);
  });

  it("places an axial slice at the height of the place looked at, from edge to edge of the voxels", () => {
    const found = slab(STACK, [10, 20, 30], [3, 6, -30], "axial", [0, 0, 0]);
    expect([found.axis, found.index, found.u, found.v]).toEqual([2, 10, 0, 1]);
    for (const corner of found.corners) expect(corner[1]).toBeCloseTo(-0.03, 9);
    expect(found.corners[0][0]).toBeCloseTo(-0.00075, 9);
    expect(found.corners[1][0]).toBeCloseTo(0.01425, 9);
    expect(found.corners[0][2]).toBeCloseTo(0.00075, 9);
    expect(found.corners[2][2]).toBeCloseTo(-0.02925, 9);
  });

  it("keeps each point of an oblique slice where its voxel lies in the patient", () => {
    const lps = flip(apply(OBLIQUE, [5, 6, 4]));
    const centre: Vector = [1, 2, 3];
    const found = slab(OBLIQUE, [12, 14, 9], lps, "sagittal", centre);
    expect([found.axis, found.index]).toEqual([2, 4]);
    const first = toScene(flip(apply(OBLIQUE, [-0.5, -0.5, 4])), centre);
    found.corners[0].forEach((value, at) => expect(value).toBeCloseTo(first[at] as number, 9));
  });

  it("never leaves the volume", () => {
    expect(slab(STACK, [10, 20, 30], [0, 0, 500], "axial", [0, 0, 0]).index).toBe(0);
    expect(slab(STACK, [10, 20, 30], [0, 0, -500], "axial", [0, 0, 0]).index).toBe(29);
  });
});

it("names the sides that a direction points to", () => {
  expect(letterOf([1, 0.1, 0], 1)).toBe("L");
  expect(letterOf([1, 0.1, 0], -1)).toBe("R");
  expect(letterOf([0, 1, 0.2], 1)).toBe("P");
  expect(letterOf([0.1, 0.2, -1], 1)).toBe("I");
});
