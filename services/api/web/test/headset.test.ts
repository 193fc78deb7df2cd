import { Matrix4, Plane, Quaternion, Raycaster, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { organVolume } from "../src/core/words";
import { Clip } from "../src/scene/clip";
import type { Vector } from "../src/core/geometry";
import type { SliceView } from "../src/slices/view";
import { nearest } from "../src/xr/correcting";
import { carried, LARGEST, stretched } from "../src/xr/grab";
import { ClipHandle } from "../src/xr/handle";
import type { Pointer } from "../src/xr/hands";
import { PAIRS } from "../src/xr/skeleton";
import { Sticks } from "../src/xr/sticks";

const point = (matrix: Matrix4, x: number, y: number, z: number): number[] => new Vector3(x, y, z).applyMatrix4(matrix).toArray();
const close = (found: number[], asked: number[]): void => found.forEach((value, at) => expect(value).toBeCloseTo(asked[at] as number, 6));

describe("hands", () => {
  const thing = new Matrix4().makeTranslation(0, 1, -0.5);

  it("carry a thing as if it were fixed to one of them", () => {
    const from = new Matrix4().makeTranslation(0.2, 1, -0.3);
    const to = new Matrix4().compose(new Vector3(0.2, 1.2, -0.3), new Quaternion().setFromAxisAngle(new Vector3(0, 1, 0), Math.PI / 2), new Vector3(1, 1, 1));
    const moved = carried(thing, from, to);
    const inHand = (hand: Matrix4, object: Matrix4): number[] => point(hand.clone().invert().multiply(object), 0, 0, 0);
    close(inHand(to, moved), inHand(from, thing));
  });

  it("scale it about the middle between them", () => {
    const from = [new Vector3(-0.1, 1, -0.5), new Vector3(0.1, 1, -0.5)] as const;
    const to = [new Vector3(-0.2, 1, -0.5), new Vector3(0.2, 1, -0.5)] as const;
    const moved = stretched(thing, from, to);
    expect(new Vector3().setFromMatrixScale(moved).x).toBeCloseTo(2, 6);
    close(point(moved, 0, 0, 0), [0, 1, -0.5]);
    close(point(moved, 0.1, 0, 0), [0.2, 1, -0.5]);
  });

  it("turn it by the line between them and never mirror it", () => {
    const from = [new Vector3(-0.1, 1, -0.5), new Vector3(0.1, 1, -0.5)] as const;
    const to = [new Vector3(0, 1, -0.4), new Vector3(0, 1, -0.6)] as const;
    const moved = stretched(thing, from, to);
    close(point(moved, 0.1, 0, 0), [0, 1, -0.6]);
    expect(moved.determinant()).toBeCloseTo(1, 6);
  });

  it("make nothing larger than the limit", () => {
    const moved = stretched(thing, [new Vector3(0, 1, 0), new Vector3(0.01, 1, 0)], [new Vector3(0, 1, 0), new Vector3(2, 1, 0)]);
    expect(new Vector3().setFromMatrixScale(moved).x).toBeCloseTo(LARGEST, 6);
  });
});

describe("clip plane", () => {
  it("keeps what is below an axial plane and moves with the organs", () => {
    const clip = new Clip();
    clip.on = true;
    clip.set("axial", 0.5, new Vector3(-1, -1, -1), new Vector3(1, 1, 1));
    clip.follow(new Matrix4().makeTranslation(0, 10, 0));
    expect(clip.hides(new Vector3(0, 10.5, 0))).toBe(true);
    expect(clip.hides(new Vector3(0, 9.5, 0))).toBe(false);
  });

  it("follows the handle", () => {
    const clip = new Clip();
    const handle = new ClipHandle(clip);
    clip.set("coronal", 0.5, new Vector3(-1, -1, -1), new Vector3(1, 1, 1));
    handle.show(new Vector3());
    const before = clip.local.clone();
    handle.moveTo(handle.matrix.clone());
    close(clip.local.normal.toArray(), before.normal.toArray());
    handle.moveTo(new Matrix4().makeTranslation(0, 0, 0.25).multiply(handle.matrix));
    expect(clip.local.distanceToPoint(new Vector3(0, 0, 0.25))).toBeCloseTo(0, 6);
    const plane: Plane = clip.local;
    expect(plane.normal.z).toBeCloseTo(before.normal.z, 6);
  });

  it("is taken by its ball", () => {
    const handle = new ClipHandle(new Clip());
    handle.show(new Vector3());
    handle.updateMatrixWorld(true);
    const ball = handle.ball.getWorldPosition(new Vector3());
    const caster = new Raycaster(ball.clone().add(new Vector3(0, 0, 0.5)), new Vector3(0, 0, -1));
    expect(handle.hit(caster)).toBeLessThan(0.51);
    caster.ray.origin.x += 0.1;
    expect(handle.hit(caster)).toBe(Infinity);
  });
});

describe("the bones of a hand", () => {
  it("connect all of its 25 joints", () => {
    const near = new Set(["wrist"]);
    for (let turn = 0; turn < PAIRS.length; turn += 1) for (const [a, b] of PAIRS) if (near.has(a) || near.has(b)) near.add(a).add(b);
    expect(near.size).toBe(25);
  });
});

describe("thumbsticks", () => {
  const at = (x: number, y: number): Pointer[] => [{ index: 0, source: { gamepad: { axes: [0, 0, x, y] } } } as unknown as Pointer];

  it("count once until they were back in the middle", () => {
    const sticks = new Sticks();
    expect(sticks.read(at(0.5, 0))).toEqual([]);
    expect(sticks.read(at(0.9, 0.2))).toEqual([{ across: 1, up: 0 }]);
    expect(sticks.read(at(1, 0))).toEqual([]);
    expect(sticks.read(at(0.5, 0))).toEqual([]);
    expect(sticks.read(at(0.9, 0))).toEqual([]);
    expect(sticks.read(at(0.1, 0))).toEqual([]);
    expect(sticks.read(at(-0.2, -1))).toEqual([{ across: 0, up: 1 }]);
  });

  it("are still without a gamepad", () => {
    expect(new Sticks().read([{ index: 0, source: null } as unknown as Pointer])).toEqual([]);
  });
});

describe("volumes", () => {
  it("mark a part of an organ", () => {
    expect(organVolume({ volume_ml: 501.2, part_seen: true })).toBe("501 mL (part seen)");
    expect(organVolume({ volume_ml: 20.26, part_seen: false })).toBe("20.3 mL");
    expect(organVolume({ volume_ml: 20.26 })).toBe("20.3 mL");
  });
});

describe("a part that is pointed at", () => {
  const view = (...places: Vector[]) =>
    ({ volume: { spacing: [1, 1, 4] }, labelAt: (voxel: Vector) => (places.some((place) => place.join() === voxel.join()) ? 7 : 0) }) as unknown as Pick<SliceView, "labelAt" | "volume">;

  it("has the voxel of its label that is nearest in mm", () => {
    expect(nearest(view([10, 10, 6], [13, 10, 5]), [10, 10, 5], 7)).toEqual([13, 10, 5]);
    expect(nearest(view([10, 10, 6], [15, 10, 5]), [10.2, 10, 5], 7)).toEqual([10, 10, 6]);
  });

  it("is not found where the label is far away or another one", () => {
    expect(nearest(view([23, 10, 5]), [10, 10, 5], 7)).toBeNull();
    expect(nearest(view([10, 10, 5]), [10, 10, 5], 3)).toBeNull();
  });
});
