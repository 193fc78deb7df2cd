import { zlibSync } from "fflate";
import { describe, expect, it } from "vitest";
import { parseSpacing } from "../src/upload/confirm";
import { tidy } from "../src/upload/collect";
import { pixelSize, readPng, sliceNumber } from "../src/preview/png";
import { draw, robustLevels, shrunk } from "../src/preview/window";

const chunk = (kind: string, data: Uint8Array): number[] => {
  const length = [data.length >> 24, data.length >> 16, data.length >> 8, data.length].map((byte) => byte & 255);
  return [...length, ...[...kind].map((letter) => letter.charCodeAt(0)), ...data, 0, 0, 0, 0];
};

/** A 16-bit grey PNG of 2 x 2 whose second row is stored as differences to the first (filter 2). */
function png16(): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array([0, 0, 0, 2, 0, 0, 0, 2, 16, 0, 0, 0, 0]);
  const raw = new Uint8Array([0, 1, 2, 3, 4, 2, 1, 1, 1, 1]);
  const bytes = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...chunk("IHDR", header), ...chunk("IDAT", zlibSync(raw)), ...chunk("IEND", new Uint8Array())];
  return new Uint8Array(bytes);
}

describe("PNG slices", () => {
  it("keeps all 16 bits", async () => {
    const plane = await readPng(png16());
    expect(Array.from(plane.data)).toEqual([0x0102, 0x0304, 0x0203, 0x0405]);
  });

  it("are sorted by the number of the slice, not by text", () => {
    const names = ["a/slice_0010_2_2_1.50_1.50.png", "a/slice_0009_2_2_1.50_1.50.png", "b/IM-7.png"];
    expect(names.map(sliceNumber)).toEqual([10, 9, 7]);
  });

  it("tell width and height of a pixel", () => {
    expect(pixelSize("case1_slice_0001_266_266_1.50_1.60.png")).toEqual([1.5, 1.6]);
    expect(pixelSize("scan.png")).toBeNull();
  });
});

describe("window", () => {
  it("leaves the background and the brightest pixels out of account", () => {
    const data = Array.from({ length: 10_000 }, (_, at) => (at < 5000 ? 0 : at === 9999 ? 65535 : 100 + (at % 400)));
    const { low, high } = robustLevels([{ rows: 100, columns: 100, data }]);
    expect(low).toBeGreaterThanOrEqual(100);
    expect(low).toBeLessThan(120);
    expect(high).toBeGreaterThan(480);
    expect(high).toBeLessThan(500);
  });

  it("shows what is below as black and what is above as white", () => {
    const target = new Uint8Array(3);
    draw({ rows: 1, columns: 3, data: [-1000, 40, 3000] }, { low: -160, high: 240 }, target, 0, 1, 3);
    expect([target[0], target[2]]).toEqual([0, 255]);
    expect(Math.abs((target[1] ?? 0) - 127)).toBeLessThan(2);
  });

  it("keeps the shape of what it samples down", () => {
    expect(shrunk(640, 320)).toEqual({ height: 320, width: 160 });
    expect(shrunk(100, 50)).toEqual({ height: 100, width: 50 });
  });
});

describe("picked files", () => {
  const file = new File([], "x");
  const paths = (...names: string[]): string[] => tidy(names.map((path) => ({ path, file }))).map(({ path }) => path);

  it("are only those of scans/ where there is such a folder", () => {
    expect(paths("case/labels/1.png", "case/scans/10.png", "case/scans/9.png")).toEqual(["case/scans/9.png", "case/scans/10.png"]);
  });

  it("are never hidden ones", () => {
    expect(paths("a/.DS_Store", "__MACOSX/a/1.png", "a/1.png")).toEqual(["a/1.png"]);
  });
});

it("reads a voxel size in any usual notation", () => {
  expect(parseSpacing("3, 1.5, 1.5")).toEqual([3, 1.5, 1.5]);
  expect(parseSpacing("3 x 1.5 x 1.5")).toEqual([3, 1.5, 1.5]);
  expect(parseSpacing("3, 1.5")).toBeNull();
  expect(parseSpacing("3, 0, 1")).toBeNull();
});
