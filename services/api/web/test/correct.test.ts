import { describe, expect, it } from "vitest";
import { problemOf } from "../src/core/api";
import type { Report, Revision } from "../src/core/types";
import { filesOf, hasSlice, keyEnd, last, placed, relabel, takenBack, versions } from "../src/correct/steps";
import { ResultState } from "../src/job/state";

const organ = (label: number, name: string, present = true, volume_ml = 10) => ({ label, name, title: name, present, volume_ml, warnings: [] });
const report = (revision: number, ...organs: ReturnType<typeof organ>[]) => ({ revision, modality: "CT", organs, warnings: [] }) as unknown as Report;

describe("corrections", () => {
  it("are taken back one by one, each to what was there before it", () => {
    let steps = [{ made: 2, before: 1 }, { made: 3, before: 2 }];
    expect(last(steps, 3)).toEqual({ made: 3, before: 2 });
    steps = takenBack(steps, 4); // version 4 is version 2 again
    expect(last(steps, 4)).toEqual({ made: 4, before: 1 });
    expect(takenBack(steps, 5)).toEqual([]);
  });

  it("are not taken back once somebody else made a newer version", () => {
    expect(last([{ made: 2, before: 1 }], 3)).toBeNull();
    expect(last([], 1)).toBeNull();
  });

  it("name the voxel as the file counts it", () => {
    expect(relabel([5, 7, 9], 2, true)).toEqual({ kind: "relabel", at: [5, 7, 9], label: 2, in_slice: true });
    expect([0, 1, 2].map(hasSlice)).toEqual([false, false, true]);
  });
});

describe("versions", () => {
  const revision = (number: number, state: string) => ({ revision: number, state, links: {} }) as unknown as Revision;

  it("are newest first, without those that could not be written", () => {
    const all = [revision(1, "succeeded"), revision(2, "failed"), revision(3, "running")];
    expect(versions(all).map((one) => one.revision)).toEqual([3, 1]);
  });

  it("keep how organs are shown, and forget an organ that is gone", () => {
    const state = new ResultState(report(1, organ(1, "liver"), organ(2, "stomach"), organ(3, "colon", false)));
    state.organ("liver")!.visible.value = false;
    state.selected.value = "stomach";
    state.update(report(2, organ(1, "liver", true, 12), organ(2, "stomach", false), organ(3, "colon")));
    expect(state.organs.map(({ name, visible }) => [name, visible.value])).toEqual([["liver", false], ["colon", true]]);
    expect([state.revision, state.organ("liver")?.report.volume_ml, state.selected.value]).toEqual([2, 12, null]);
  });

  it("have files of their own, and the scan", () => {
    const job = { "model.glb": "/model.glb", "volume.nii.gz": "/volume.nii.gz", "sr.dcm": "/sr.dcm" };
    const one = { links: { "model.glb": "/model.glb?revision=2" } } as unknown as Revision;
    expect(filesOf(job, one)).toEqual({ "model.glb": "/model.glb?revision=2", "volume.nii.gz": "/volume.nii.gz" });
    expect(filesOf(job, undefined)).toEqual(job);
  });

  it("name a key by the end of its id, and a person in full", () => {
    expect([keyEnd("key_5a827b17bb8b1fda27ad1634"), keyEnd("anna@clinic.example")]).toEqual(["ad1634", null]);
  });

  it("of somebody else come with who and when", () => {
    const { status, code, members } = problemOf(412, JSON.stringify({ code: "revision_changed", detail: "Newer.", revision: 4, edited_by: "key_2" }));
    expect([status, code, members["revision"], members["edited_by"]]).toEqual([412, "revision_changed", 4, "key_2"]);
  });
});

describe("the menu at a part", () => {
  it("stays inside the view", () => {
    expect(placed([100, 50], [200, 300], [800, 600])).toEqual([108, 58]);
    expect(placed([790, 590], [200, 300], [800, 600])).toEqual([592, 292]);
    expect(placed([50, 50], [300, 900], [310, 600])).toEqual([8, 8]);
  });
});
