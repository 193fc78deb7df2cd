import { describe, expect, it } from "vitest";
import { Problem } from "../src/core/api";
import type { Vector } from "../src/core/geometry";
import type { Measured, SliceBody } from "../src/core/types";
import { changeOf, isTemporary } from "../src/measure/keeper";
import { bodyOf, markOf } from "../src/measure/shelves";
import type { Mark } from "../src/slices/marks";

/** Columns to the patient's left, 2 mm; the grid begins at 100 mm. */
const space = {
  toPatient: ([i, j, k]: Vector): Vector => [2 * i + 100, j, -3 * k],
  toVoxel: ([x, y, z]: Vector): Vector => [(x - 100) / 2, y, -z / 3],
};
const mark = (id: string, label = ""): Mark => ({ id, label, kind: "length", orientation: "coronal", points: [[1, 2, 3], [4, 5, 6]], own: true });
const saved = (id: string, label = ""): SliceBody & Measured => ({
  ...bodyOf(space, mark(id, label)), id, value: 1, unit: "mm", measured_by: "key_1", measured_at: "", etag: '"1"',
});
const known = (...all: (SliceBody & Measured)[]) => new Map(all.map((one) => [one.id, one]));

describe("measurements on the server", () => {
  it("have their points in the patient", () => {
    expect(bodyOf(space, mark("a", "liver"))).toEqual({
      kind: "length", plane: "coronal", points: [[102, 2, -9], [108, 5, -18]], label: "liver",
    });
    expect(markOf(space, saved("a", "liver"))).toEqual({ ...mark("a", "liver"), own: false });
  });

  it("are added, renamed and removed, one after the other", () => {
    expect(changeOf([mark("a")], known(), new Set())).toEqual({ put: mark("a") });
    expect(changeOf([mark("a", "x")], known(saved("a")), new Set())).toEqual({ put: mark("a", "x") });
    expect(changeOf([mark("a")], known(saved("a"), saved("b")), new Set())).toEqual({ remove: "b" });
    expect(changeOf([mark("a")], known(saved("a")), new Set())).toBeNull();
  });

  it("that were refused are not sent again until they change", () => {
    const refused = new Set(["a ", "b"]);
    expect(changeOf([mark("a")], known(saved("b")), refused)).toBeNull();
    expect(changeOf([mark("a", "x")], known(saved("b")), refused)).toEqual({ put: mark("a", "x") });
  });

  it("are tried again where that can help", () => {
    expect([0, 503, 408].map((status) => isTemporary(new Problem(status, "x", "")))).toEqual([true, true, true]);
    expect(isTemporary(new Problem(429, "rate_limited", ""))).toBe(true);
    expect([new Problem(429, "quota_measurements", ""), new Problem(422, "x", ""), new Error()].some(isTemporary)).toBe(false);
  });
});
