import { describe, expect, it } from "vitest";
import type { OrganReport, Report } from "../src/core/types";
import { nextWarning, type ResultActs, resultKey, warned } from "../src/job/keys";
import { ResultState } from "../src/job/state";

const organ = (name: string, volume: number, warnings: number, present = true) =>
  ({
    label: name.charCodeAt(0),
    name,
    title: name,
    present,
    volume_ml: volume,
    warnings: Array.from({ length: warnings }, (_, n) => ({ code: `c${n}`, detail: "" })),
    bounding_box_lps_mm: [[0, 0, 0], [volume, 2, 4]],
  }) as OrganReport;
const result = () => new ResultState({ organs: [organ("a", 5, 1), organ("b", 9, 1), organ("c", 1, 2), organ("d", 99, 0), organ("e", 50, 3, false)] } as Report);

describe("warnings of a result", () => {
  it("are visited by their number, then by volume, round and round", () => {
    const state = result();
    expect(warned(state.organs).map(({ name }) => name).join("")).toBe("cba");
    const seen = [0, 1, 2, 3].map(() => (nextWarning(state), state.selected.value));
    expect(seen).toEqual(["c", "b", "a", "c"]);
    expect(state.place.value).toEqual([0.5, 1, 2]);
  });

  it("change nothing where there are none", () => {
    const state = new ResultState({ organs: [organ("d", 99, 0)] } as Report);
    nextWarning(state);
    expect([state.selected.value, state.place.value]).toEqual([null, null]);
  });
});

describe("the keys of a result", () => {
  it("act once each, and leave all others to the slices", () => {
    const said: string[] = [];
    const acts: ResultActs = { help: () => said.push("help"), report: () => said.push("report"), send: () => said.push("send"), compare: () => said.push("compare"), review: (state) => said.push(state), unsure: () => said.push("unsure") };
    const state = result();
    const known = [..."?dtbyxu9mi"].map((key) => resultKey(key, acts, state, null));
    expect(known.every(Boolean)).toBe(true);
    expect(said).toEqual(["help", "report", "send", "compare", "accepted", "needs_correction", "unread", "unsure"]);
    expect([..."acsgwhzlrven0+-fpo12345,."].some((key) => resultKey(key, acts, state, null))).toBe(false);
  });

  it("show the selected organ alone", () => {
    const state = result();
    state.selected.value = "b";
    resultKey("i", {} as ResultActs, state, null);
    expect(state.organs.filter(({ visible }) => visible.value).map(({ name }) => name)).toEqual(["b"]);
  });
});
