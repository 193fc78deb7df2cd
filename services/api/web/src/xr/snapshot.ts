/** What the headset shows, for tests: places in the world, in metres. */
import { Vector3 } from "three";
import type { OrganStage } from "../scene/stage";
import { TextSprite } from "../scene/text";
import type { Board } from "./board";
import type { Eye } from "./eye";
import type { Hands } from "./hands";

export function boardSnapshot(board: Board) {
  return {
    rows: board.cells.map((cell) => ({ id: cell.row.id, text: cell.row.text, detail: cell.row.detail ?? "", at: board.middle(cell).toArray() })),
    board: { corners: board.corners.map((corner) => corner.toArray()), faces: axis(board.matrixWorld.elements, 2), letter: board.letterAngle, isOver: board.isOver },
  };
}

export function handSnapshot({ pointers, bones }: Hands) {
  return {
    hands: pointers.map(({ source }) => (source ? { hand: source.hand !== undefined && source.hand !== null } : null)),
    bones: bones.drawn.map((bone) => bone.map(({ at, radius }) => [...at.toArray(), radius])),
  };
}

/** Each label that is shown: where it is, its directions, and the angle in radians that its letters have for the eye. */
export function labelSnapshot({ scene }: OrganStage, eye: Eye) {
  const labels: unknown[] = [];
  scene.traverseVisible((object) => {
    if (!(object instanceof TextSprite)) return;
    const at = new Vector3().setFromMatrixPosition(object.matrixWorld);
    const { elements } = object.matrixWorld;
    labels.push({ text: object.text, at: at.toArray(), faces: axis(elements, 2), right: axis(elements, 0), letter: object.letterHeight / at.distanceTo(eye.at) });
  });
  return labels;
}

/** What a frame costs, of both eyes together. */
export function costSnapshot({ renderer }: OrganStage) {
  const { calls, triangles } = renderer.info.render;
  return { eyes: Math.max(1, renderer.xr.getCamera().cameras.length), calls, triangles };
}

function axis(elements: readonly number[], column: number): number[] {
  return new Vector3(...elements.slice(4 * column, 4 * column + 3)).normalize().toArray();
}
