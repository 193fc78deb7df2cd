import { describe, expect, it } from "vitest";
import { duration, sorted } from "../src/archive/search";
import { fill, preferred } from "../src/core/language";
import first from "../src/core/languages/de";
import rest from "../src/core/languages/de.rest";
import { parse } from "../src/core/router";
import type { Job } from "../src/core/types";
import { gaps } from "../src/preview/dicom";
import type { Preview } from "../src/preview/types";
import { doubts } from "../src/upload/doubts";
import { isScan, kindOf } from "../src/upload/kinds";

const file = (path: string, bytes: readonly number[]) => ({ path, file: new File([new Uint8Array(bytes)], path) });
const text = (words: string): number[] => [...words].map((letter) => letter.charCodeAt(0));

describe("picked files", () => {
  it("that are no scan are known before they are read", async () => {
    expect(await kindOf([file("notes.txt", text("some notes about a patient"))])).toBe("other");
    expect(await kindOf([file("letter.pdf", text("%PDF-1.7 and so on"))])).toBe("other");
  });

  it("are taken by name or by their first bytes", async () => {
    expect(await kindOf([file("a/readme.txt", text("words")), file("a/scan.nii.gz", [1])])).toBe("scan");
    expect(await kindOf([file("IM0001", [...new Array(128).fill(0), ...text("DICM")])])).toBe("scan");
    expect(isScan(new Uint8Array([8, 0, 5, 0, 67, 83, 10, 0, 73]))).toBe(true);
    expect(isScan(new Uint8Array(text("NRRD0005")))).toBe(true);
  });
});

describe("doubts about a scan", () => {
  const preview = { modality: "CT", slices: 40, gaps: [3, 3.01] } as Preview;
  const codes = (part: Partial<Preview>, trained: string[]) =>
    doubts({ ...preview, ...part }, trained.length > 0 ? [{ modalities: trained }] : []).map(({ code }) => code);

  it("name a kind of scan that the model was not trained on", () => {
    expect(codes({}, ["MR"])).toEqual(["out_of_domain"]);
    expect(codes({}, ["MR", "CT"])).toEqual([]);
    expect(codes({}, [])).toEqual([]);
  });

  it("name sizes that no model in use was trained on, whatever the order of the axes", () => {
    const domain = { pixel_mm: [0.5, 2] as [number, number], slice_mm: [2, 6] as [number, number], field_of_view_mm: [200, 500] as [number, number] };
    const sizes = (spacing: [number, number, number], counts: [number, number, number], ...cards: object[]) => {
      const [columns, rows, slices] = counts;
      return doubts({ ...preview, gaps: null, spacing, columns, rows, slices }, [{ domain }, ...cards]).map(({ detail }) => detail);
    };
    expect(sizes([1.2, 1.2, 3], [256, 300, 60])).toEqual([]);
    expect(sizes([2.5, 3, 2.5], [256, 60, 200])[0]).toContain("0.5 to 2 mm (pixels), and this scan has 2.50 mm");
    expect(sizes([9, 1.2, 1.2], [60, 300, 256])[0]).toContain("2 to 6 mm (distance between slices)");
    expect(sizes([1.2, 1.2, 3], [90, 100, 60])[0]).toContain("field of view");
    expect(sizes([1.2, 1.2, 3], [90, 100, 60], { domain: null })).toEqual([]);
  });

  it("name a single slice and uneven distances", () => {
    expect(codes({ slices: 1, gaps: null }, ["CT"])).toEqual(["single_slice"]);
    expect(codes({ gaps: [1.08, 7] }, ["CT"])).toEqual(["uneven_gaps"]);
    expect(gaps([{ place: 0 }, { place: 1 }, { place: 4 }])).toEqual([1, 3]);
    expect(gaps([{ place: 0 }])).toBeNull();
  });
});

describe("the archive", () => {
  const job = (id: string, state: string, created: string, seconds: number | null) =>
    ({ id, state, created, started: created, ended: seconds === null ? null : new Date(Date.parse(created) + 1000 * seconds).toISOString(), error: null }) as Job;
  const jobs = [job("job_a1", "succeeded", "2026-11-29T10:00:00Z", 8), job("job_b2", "failed", "2026-11-28T10:00:00Z", null), job("job_c3", "running", "2026-11-30T10:00:00Z", 3)];

  it("sorts by each column both ways", () => {
    const ids = (sort: "created" | "state" | "seconds", up: boolean) => sorted(jobs, { sort, up }).map(({ id }) => id.charAt(4)).join("");
    expect([ids("created", false), ids("created", true)]).toEqual(["cab", "bac"]);
    expect([ids("seconds", false), ids("state", true)]).toEqual(["acb", "bca"]);
    expect(duration(jobs[1]!)).toBeNull();
  });

  it("keeps its setting in the address", () => {
    expect(parse("#/archive?q=ct%20liver&sort=-state")).toEqual({ page: "archive", argument: "", query: { q: "ct liver", sort: "-state" } });
    expect(parse("#/jobs/job_1").argument).toBe("job_1");
  });
});

const de = { ...first, ...rest };

describe("languages", () => {
  const files = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
  const sources = Object.entries(files)
    .filter(([name]) => !name.includes("core/languages"))
    .map(([, source]) => source)
    .join("\n");

  it("have no text that the page does not use", () => {
    expect(Object.keys(de).filter((text) => !sources.includes(JSON.stringify(text)))).toEqual([]);
  });

  it("have the texts of the first page in a catalogue of its own", () => {
    const modules = new Map(Object.entries(files));
    const reached = new Set<string>();
    const visit = (name: string): void => {
      const source = modules.get(name);
      if (source === undefined || reached.has(name)) return;
      reached.add(name);
      for (const [, path = ""] of source.matchAll(/^import (?!type)[^"]*"(\.[^"]+)";/gm)) {
        const at = new URL(path, `file:///src/${name.replace("../src/", "")}`).pathname.replace("/src/", "../src/");
        visit(`${at}.ts`);
        visit(`${at}.tsx`);
      }
    };
    visit("../src/main.tsx");
    expect(reached.size).toBeGreaterThan(15);
    const used = [...reached].filter((name) => !name.includes("languages")).map((name) => modules.get(name));
    expect(Object.keys(rest).filter((text) => used.join("\n").includes(JSON.stringify(text)))).toEqual([]);
  });

  it("keep every value of a text", () => {
    const values = (words: string): string[] => (words.match(/\{\w+\}/g) ?? []).sort();
    expect(Object.entries(de).filter(([english, german]) => String(values(english)) !== String(values(german)))).toEqual([]);
  });

  it("are chosen by the user, else by the browser", () => {
    expect(preferred(["fr-CH", "de-AT", "en"], null)).toBe("de");
    expect(preferred(["de"], "en")).toBe("en");
    expect(preferred(["fr"], null)).toBe("en");
    expect(fill("{n} of {all}", { n: 3 })).toBe("3 of {all}");
  });
});
