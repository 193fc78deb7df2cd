import { describe, expect, it } from "vitest";
import type { Vector } from "../src/core/geometry";
import type { OrganReport, Report } from "../src/core/types";
import { firstOffset, windowFor } from "../src/compare/link";
import { type Box, niceStep, plotOf, rowsOf, signed, spread, studyTime } from "../src/compare/volumes";

const organ = (name: string, volume: number, more: Partial<OrganReport> = {}): OrganReport => ({
  label: 1, name, title: name, present: true, volume_ml: volume, surface_cm2: 0, triangles: 0, touches_border: false, components: 1, warnings: [], ...more,
});
const report = (...organs: OrganReport[]): Report => ({ organs }) as unknown as Report;

/** A scan of 10 mm cubes whose first voxel is at a corner. */
const scan = (corner: Vector, dims: Vector) => ({
  volume: { dims },
  middle: corner.map((part, axis) => part + 5 * ((dims[axis] ?? 0) - 1)) as Vector,
  toVoxel: (lps: Vector): Vector => lps.map((part, axis) => (part - (corner[axis] ?? 0)) / 10) as Vector,
});

describe("views that are linked", () => {
  it("begin at the same place of the patient where the scans overlap", () => {
    expect(firstOffset(scan([0, 0, 0], [11, 11, 11]), scan([20, 0, 0], [11, 11, 11]))).toEqual([0, 0, 0]);
  });

  it("begin with their middles together where they do not", () => {
    expect(firstOffset(scan([0, 0, 0], [11, 11, 11]), scan([0, 0, 900], [11, 11, 21]))).toEqual([0, 0, 950]);
  });

  it("have the same window in Hounsfield units and a relative one elsewhere", () => {
    const [low, high] = [{ robust: [0, 100] as [number, number] }, { robust: [50, 250] as [number, number] }];
    expect(windowFor([-160, 240], low, high, true)).toEqual([-160, 240]);
    expect(windowFor([25, 75], low, high, false)).toEqual([100, 200]);
  });
});

describe("volumes", () => {
  const first = report(organ("liver", 1000), organ("spleen", 200), organ("cyst", 0, { present: false }));
  const last = report(organ("liver", 1100, { part_seen: true }), organ("cyst", 5));
  const rows = rowsOf([first, last]);

  it("have a row for each organ that any study has, with the difference of the last and the first", () => {
    expect(rows.map(({ name, volumes, difference, percent }) => [name, volumes, difference, percent])).toEqual([
      ["liver", [1000, 1100], 100, 10],
      ["spleen", [200, null], null, null],
      ["cyst", [null, 5], null, null],
    ]);
    expect(rows[0]?.partSeen).toEqual([false, true]);
    expect([signed(100, 1), signed(-2.04, 1), signed(-0.01, 1)]).toEqual(["+100.0", "−2.0", "0.0"]);
  });

  it("are drawn to scale from zero, and names do not overlap", () => {
    const box: Box = { left: 0, right: 700, top: 0, bottom: 200 };
    const many = rowsOf([report(...[1, 2, 3, 4].map((n) => organ(`o${n}`, 10 + n / 10))), report(...[1, 2, 3, 4].map((n) => organ(`o${n}`, 10)))]);
    const { lines, ticks } = plotOf(many, [0, 1], box);
    expect(ticks[0]).toEqual({ volume: 0, y: 200 });
    const top = ticks.at(-1)!;
    expect(lines[0]?.points[0]?.y).toBeCloseTo(200 - (200 - top.y) * (10.1 / top.volume), 9);
    const labels = lines.map(({ label }) => label).sort((a, b) => a - b);
    expect(labels.every((label, at) => at === 0 || label - labels[at - 1]! >= 15)).toBe(true);
    expect(labels.at(-1)).toBeLessThanOrEqual(200);
  });

  it("are placed by time unless studies would touch", () => {
    expect(spread([0, 25, 100], 0, 1000)).toEqual([0, 250, 1000]);
    expect(spread([0, 1, 100], 0, 1000)).toEqual([0, 500, 1000]);
    expect(spread([5, 5], 0, 100)).toEqual([0, 100]);
    expect([niceStep(3), niceStep(12), niceStep(0.6)]).toEqual([5, 20, 1]);
  });

  it("have the day of the study", () => {
    expect(new Date(studyTime("20240229")!).getDate()).toBe(29);
    expect([studyTime(null), studyTime("2024"), studyTime(undefined)]).toEqual([null, null, null]);
  });
});
