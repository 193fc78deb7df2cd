import { Group, PerspectiveCamera, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import type { Vector } from "../src/core/geometry";
import { areaOf, captionOf, captionPlace, MOST_CORNERS, valueOf, valueText } from "../src/scene/marks";
import { Measure } from "../src/scene/measure";

const SQUARE: Vector[] = [[0, 0, 0], [30, 0, 0], [30, 40, 0], [0, 40, 0]];

describe("what is measured on surfaces", () => {
  it("is a length in mm, an angle in degrees, an area in cm²", () => {
    expect(valueText({ kind: "length", points: [[1, 2, 3], [4, 6, 3]] })).toBe("5.0 mm");
    expect(valueText({ kind: "angle", points: [[10, 0, 0], [0, 0, 0], [0, 0, 7]] })).toBe("90.0°");
    expect(valueText({ kind: "polygon", points: SQUARE })).toBe("12.0 cm²");
    expect(valueOf({ kind: "polygon", points: SQUARE.slice(0, 2) })).toBeNull();
    expect(valueOf({ kind: "arrow", points: SQUARE.slice(0, 2) })).toBeNull();
  });

  it("has an area that does not depend on the first corner, the direction or the place", () => {
    const bent: Vector[] = [...SQUARE, [-10, 20, 30]];
    const far = bent.map(([x, y, z]): Vector => [x + 500, y - 900, z + 70]);
    for (const points of [[...bent.slice(2), ...bent.slice(0, 2)], [...bent].reverse(), far]) expect(areaOf(points)).toBeCloseTo(areaOf(bent), 9);
    // Its vector area has the three shadows as parts: by the shoelace formula in the planes xy, yz, zx, in mm².
    expect(areaOf(bent)).toBeCloseTo(Math.hypot(1400, 600, 0) / 100, 9);
  });

  it("has a caption at an angle's vertex, an arrow's blunt end, else in the middle", () => {
    expect(captionPlace({ kind: "angle", points: SQUARE.slice(0, 3) })).toEqual([30, 0, 0]);
    expect(captionPlace({ kind: "arrow", points: SQUARE.slice(0, 2) })).toEqual([30, 0, 0]);
    expect(captionPlace({ kind: "polygon", points: SQUARE })).toEqual([15, 20, 0]);
    expect(captionOf({ kind: "length", points: SQUARE.slice(0, 2) }, "x".repeat(60))).toBe(`${"x".repeat(39)}…\n30.0 mm`);
  });
});

/** In metres of the scene. */
const at = (...[x, y, z]: Vector): Vector3 => new Vector3(x, z, -y).divideScalar(1000);

describe("points on surfaces", () => {
  const taken = (kind: "length" | "angle" | "polygon", points: Vector[]): Measure => {
    const measure = new Measure();
    measure.use(kind);
    points.forEach((point) => measure.take(at(...point)));
    return measure;
  };

  it("make a shape when there are enough of them", () => {
    const measure = taken("length", SQUARE.slice(0, 2));
    expect(measure.draft.value).toBeNull();
    expect(measure.length).toBeCloseTo(30, 6);
    expect(taken("angle", SQUARE.slice(0, 3)).marks.value[0]?.points.flat()).toEqual(SQUARE.slice(0, 3).flat().map((part) => expect.closeTo(part, 6)));
  });

  it("close a polygon at its first or last corner, or when there are fifty", () => {
    for (const again of [0, 3]) {
      const measure = taken("polygon", [...SQUARE, SQUARE[again] as Vector]);
      expect(measure.marks.value.map(({ points }) => points.length)).toEqual([4]);
    }
    const many = Array.from({ length: MOST_CORNERS }, (_, n): Vector => [90 * Math.cos(n / 8), 90 * Math.sin(n / 8), 20 * n]);
    expect(taken("polygon", many).marks.value[0]?.points).toHaveLength(MOST_CORNERS);
    const few = taken("polygon", SQUARE.slice(0, 2));
    few.finish();
    expect(few.marks.value).toEqual([]);
    expect(few.draft.value?.points).toHaveLength(2);
  });

  it("are taken back one by one", () => {
    const measure = taken("polygon", SQUARE);
    expect(measure.undo()).toBe(true);
    expect(measure.draft.value?.points).toHaveLength(3);
    measure.reset();
    expect(measure.undo()).toBe(false);
  });

  it("give an arrow that comes from where it was seen, wherever the model was moved to, and waits for its text", () => {
    const root = new Group();
    const measure = new Measure();
    root.add(measure);
    root.position.set(3, 1, -2);
    root.rotation.y = Math.PI / 2;
    root.scale.setScalar(2);
    root.updateMatrixWorld(true);
    const camera = new PerspectiveCamera();
    const tip = new Vector3(0.02, 0.01, 0.1);
    const eye = root.localToWorld(tip.clone().add(new Vector3(0, 0, 1)));
    camera.position.copy(eye);
    camera.lookAt(root.localToWorld(tip.clone()));
    camera.updateMatrixWorld(true);
    measure.use("arrow");
    measure.take(tip, camera);
    const [point, tail] = measure.draft.value?.points ?? [];
    const along = [0, 1, 2].map((axis) => ((tail?.[axis] ?? 0) - (point?.[axis] ?? 0)) / 50);
    // Scene (0.45, 0.9, 1) to the right, up and the viewer is LPS (0.45, -1, 0.9), of length 1.
    const size = Math.hypot(0.45, 0.9, 1);
    expect(along).toEqual([0.45 / size, -1 / size, 0.9 / size].map((part) => expect.closeTo(part, 6)));
    measure.finish("  ");
    expect(measure.marks.value).toEqual([]);
    measure.finish(" fissure ");
    expect(measure.marks.value.map(({ label, own }) => [label, own])).toEqual([["fissure", true]]);
    expect(measure.removeLast()).toBe(true);
    expect(measure.removeLast()).toBe(false);
  });
});
