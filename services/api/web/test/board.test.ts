import { Box3, Group, Quaternion, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { cellAt, cellsOf, heightOf, ROW, type Row, WIDTH } from "../src/xr/cells";
import type { Eye } from "../src/xr/eye";
import { beforeWearer, besideOrgans, BOARD_DISTANCE, cornersOf, inSight, isBeside, nearestToSight, toLifeSize } from "../src/xr/place";

const [UP, AHEAD] = [new Vector3(0, 1, 0), new Vector3(0, 0, -1)];
const eye = (turn = 0, height = 1.6): Eye => ({ at: new Vector3(0.3, height, -0.2), ahead: AHEAD.clone().applyAxisAngle(UP, turn) });
/** Organs whose middle is not the origin, as in a GLB. */
const box = new Box3(new Vector3(-0.12, -0.1, -0.05), new Vector3(0.14, 0.2, 0.11));

/** The corners of a board of this size at a place, which faces the eye. */
function boardAt(position: Vector3, { at }: Eye, width: number, height: number): Vector3[] {
  const board = new Group();
  board.position.copy(position);
  board.scale.set(width, height, 1);
  board.lookAt(at);
  board.updateMatrixWorld();
  return [-0.5, 0.5].flatMap((x) => [-0.5, 0.5].map((y) => board.localToWorld(new Vector3(x, y, 0))));
}

describe("organs before the wearer", () => {
  it.each([[0, 1.6], [2.5, 1.6], [-1.2, 1.15]])("are at the chest, at life size, and face them (turned %f, eyes at %f)", (turn, height) => {
    const [root, wearer] = [new Group(), eye(turn, height)];
    root.scale.setScalar(3);
    beforeWearer(root, box, wearer);
    root.updateMatrixWorld(true);
    const middle = root.localToWorld(box.getCenter(new Vector3()));
    expect(middle.y).toBeCloseTo(height - 0.3, 6);
    expect(middle.clone().sub(wearer.at).dot(wearer.ahead)).toBeCloseTo(0.6, 6);
    expect(root.scale.x).toBe(1);
    const front = new Vector3(0, 0, 1).applyQuaternion(root.quaternion);
    expect(front.dot(wearer.ahead)).toBeCloseTo(-1, 6);
  });

  it("stay where they are when they get life size again", () => {
    const root = new Group();
    root.position.set(0.4, 1, -2);
    root.quaternion.copy(new Quaternion().setFromAxisAngle(UP, 1));
    root.scale.setScalar(2.5);
    root.updateMatrixWorld(true);
    const before = root.localToWorld(box.getCenter(new Vector3()));
    toLifeSize(root, box);
    root.updateMatrixWorld(true);
    expect(root.localToWorld(box.getCenter(new Vector3())).distanceTo(before)).toBeCloseTo(0, 6);
    expect(root.scale.x).toBe(1);
  });
});

describe("the board", () => {
  const [width, height] = [0.36, 0.6];

  it("covers no organ, wherever they are and however large", () => {
    let clear = 0;
    for (const scale of [0.2, 1, 2, 4, 8]) {
      for (const turn of [0, 0.8, 2, -2.5]) {
        for (const away of [0.6, 0.9, 1.5]) {
          const [root, wearer] = [new Group(), eye(turn)];
          beforeWearer(root, box, wearer);
          root.scale.setScalar(scale);
          root.position.addScaledVector(wearer.ahead, away - 0.6).add(new Vector3(0.1, -0.2, 0.05));
          root.updateMatrixWorld(true);
          const organs = cornersOf(box, root);
          for (const place of besideOrgans(organs, wearer, width, height)) {
            expect(isBeside(boardAt(place, wearer, width, height), organs, wearer)).toBe(true);
            expect(place.clone().setY(wearer.at.y).distanceTo(wearer.at)).toBeCloseTo(BOARD_DISTANCE, 6);
            clear += 1;
          }
        }
      }
    }
    expect(clear).toBeGreaterThan(70);
  });

  it("is in sight where the organs are around the wearer", () => {
    const [root, wearer] = [new Group(), eye()];
    root.scale.setScalar(8);
    root.position.copy(wearer.at);
    root.updateMatrixWorld(true);
    expect(besideOrgans(cornersOf(box, root), wearer, width, height)).toEqual([]);
    expect(inSight(wearer).sub(wearer.at).dot(wearer.ahead)).toBeGreaterThan(0.3);
  });

  it("is at the left, but where the organs are far at the left it is at their right", () => {
    const [root, wearer] = [new Group(), eye()];
    beforeWearer(root, box, wearer);
    const toTheRight = (): number => {
      root.updateMatrixWorld(true);
      const places = besideOrgans(cornersOf(box, root), wearer, width, height);
      return (nearestToSight(places, wearer)?.x ?? NaN) - root.position.x;
    };
    expect(toTheRight()).toBeLessThan(0);
    root.position.x -= 0.4;
    expect(toTheRight()).toBeGreaterThan(0);
  });
});

describe("cells", () => {
  const row = (id: string, more: Partial<Row> = {}): Row => ({ id, text: id, ...more });

  it("put two halves into one line, and a single one over the whole line", () => {
    const half = { isHalf: true };
    const cells = cellsOf([row("a"), row("b", half), row("c", half), row("d", half), row("e", { ...half, isNewLine: true }), row("f", half)]);
    expect(cells.map(({ top }) => (top - 16) / ROW)).toEqual([0, 1, 1, 2, 3, 3]);
    expect(cells.map(({ width }) => width > WIDTH / 2)).toEqual([true, false, false, true, false, false]);
    expect(heightOf(cells)).toBe(4 * ROW + 32);
    for (const [at, { left, top, width }] of cells.entries()) expect(cellAt(cells, left + width / 2, top + ROW / 2)).toBe(at);
    expect(cellAt(cells, 5, 5)).toBe(-1);
  });
});
