import { describe, expect, it } from "vitest";
import { runsOf } from "../src/job/unsure";

describe("runs of slices to look at", () => {
  it("join neighbours and begin with the least sure", () => {
    expect(runsOf([7, 2, 8, 1])).toEqual([
      { first: 7, last: 8, worst: 7 },
      { first: 1, last: 2, worst: 2 },
    ]);
  });

  it("are none without slices", () => {
    expect(runsOf([])).toEqual([]);
  });
});
