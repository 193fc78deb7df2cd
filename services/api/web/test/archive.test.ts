import { describe, expect, it } from "vitest";
import { each, volumes, withTag } from "../src/archive/bulk";
import { choose, NOTHING, within } from "../src/archive/selection";
import { queryOf, setting } from "../src/archive/setting";
import type { Job, OrganReport, Report } from "../src/core/types";

const shown = ["a", "b", "c", "d", "e"];
const ids = (selection: { ids: ReadonlySet<string> }) => [...selection.ids].sort().join("");

describe("a selection", () => {
  it("grows by one job, or by a range from the last one in either direction", () => {
    const one = choose(NOTHING, shown, "b", true, false);
    expect(ids(choose(one, shown, "d", true, true))).toBe("bcd");
    expect(ids(choose(one, shown, "a", true, true))).toBe("ab");
    expect(ids(choose(choose(one, shown, "d", true, true), shown, "c", false, false))).toBe("bd");
  });

  it("takes one job where a range has no beginning, and a range back", () => {
    expect(ids(choose(NOTHING, shown, "c", true, true))).toBe("c");
    const all = { ids: new Set(shown), anchor: "b" };
    expect(ids(choose(all, shown, "d", false, true))).toBe("ae");
  });

  it("keeps only jobs that are shown", () => {
    const left = within({ ids: new Set(["a", "z"]), anchor: "z" }, shown);
    expect([ids(left), left.anchor]).toEqual(["a", null]);
  });
});

describe("acts on many jobs", () => {
  it("run a few at once and say how many failed", async () => {
    let now = 0;
    let most = 0;
    const { done, failed, problem } = await each([..."0123456789"], async (id) => {
      most = Math.max(most, (now += 1));
      await Promise.resolve();
      now -= 1;
      if (id === "3" || id === "7") throw new Error(`no ${id}`);
      return id;
    });
    expect([done.length, failed, problem, most]).toEqual([8, 2, "no 3", 4]);
  });

  it("put a tag in once and take it out", () => {
    expect(withTag(["a", "b"], "a", true)).toEqual(["b", "a"]);
    expect(withTag(["a", "b"], "a", false)).toEqual(["b"]);
  });
});

describe("the table of volumes", () => {
  it("has a line for each organ, quotes, and no formula", () => {
    const organ = { title: "Small bowel", present: true, volume_ml: 12.5, part_seen: true, warnings: [{ code: "tiny" }, { code: "cut_in_scan" }] } as OrganReport;
    const report = { revision: 2, organs: [organ, { ...organ, title: "Stomach", present: false }] } as Report;
    const job = { id: "job_1", name: '=SUM(A1),"x"', created: "2026-11-30T10:00:00Z" } as Job;
    const lines = volumes([{ job, report }]).split("\r\n");
    expect(lines).toEqual(["job,name,created,revision,organ,volume_ml,part_seen,warnings", `job_1,"'=SUM(A1),""x""",2026-11-30T10:00:00Z,2,Small bowel,12.5,true,tiny cut_in_scan`, ""]);
  });
});

describe("the address of the archive", () => {
  it("has every limit, and nothing that is as usual", () => {
    const query = { q: "liver", state: "failed", review: "accepted", warning: "tiny", sort: "state", view: "cards", n: "100" };
    expect(queryOf(setting(query))).toEqual(query);
    expect(Object.values(queryOf(setting({}))).join("")).toBe("");
  });
});
