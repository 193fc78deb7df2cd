/** Where organs and board are around the wearer. Metres of the world, +Y up; angles in radians, about the vertical, seen from the eye. */
import { Box3, type Object3D, Quaternion, Vector3 } from "three";
import type { OrganStage } from "../scene/stage";
import type { Eye } from "./eye";

/** The chest below the eyes, of a seated wearer as of a standing one. */
const CHEST = 0.3;
/** How far the middle of the organs is before the eye, and how far their nearest part at least. */
const [DISTANCE, NEAREST] = [0.6, 0.4];
export const BOARD_DISTANCE = 0.7;
const BOARD_BELOW = 0.18;
/** Between the organs and the board. */
const GAP = 0.06;
/** How far the board goes to a side of the organs' middle, and to the left of where the wearer looks. */
const [FARTHEST, BESIDE] = [1.8, 0.9];
/** Left and right are the same for the wearer if the turns of the head differ by less. */
const LITTLE = 0.4;
/** A part of the organs that is nearer than this to the wearer's own plane is all around them. */
const AROUND = 0.05;
const UP = new Vector3(0, 1, 0);

/** Places the organs at life size before the wearer's chest, the patient facing them. */
export function beforeWearer(root: Object3D, box: Box3, { at, ahead }: Eye): void {
  const depth = box.getSize(new Vector3()).z;
  const middle = at.clone().addScaledVector(ahead, Math.max(DISTANCE, NEAREST + depth / 2));
  middle.y = at.y - CHEST;
  root.scale.setScalar(1);
  root.quaternion.copy(new Quaternion().setFromAxisAngle(UP, Math.atan2(-ahead.x, -ahead.z)));
  root.position.copy(middle).sub(box.getCenter(new Vector3()).applyQuaternion(root.quaternion));
}

/** Scales the organs to life size; their middle stays. */
export function toLifeSize(root: Object3D, box: Box3): void {
  const middle = (): Vector3 => (root.updateMatrixWorld(true), root.localToWorld(box.getCenter(new Vector3())));
  const before = middle();
  root.scale.setScalar(1);
  root.position.add(before.sub(middle()));
}

/** The box around all organs, where they are spread too, and the slice that is shown; in metres of the patient. */
export function boundsOf({ organs, apart, box, plane }: OrganStage): Box3 {
  const bounds = box.clone();
  for (const mesh of apart.peek() > 0 ? organs : []) {
    if (mesh.geometry.boundingBox) bounds.union(mesh.geometry.boundingBox.clone().applyMatrix4(mesh.matrix));
  }
  for (const corner of plane.visible ? (plane.corners ?? []) : []) bounds.expandByPoint(new Vector3(...corner));
  return bounds;
}

/** The corners of a box that is in `object`'s coordinates. */
export function cornersOf(box: Box3, object: Object3D): Vector3[] {
  const { min, max } = box;
  return [0, 1, 2, 3, 4, 5, 6, 7].map((at) =>
    object.localToWorld(new Vector3(at & 1 ? max.x : min.x, at & 2 ? max.y : min.y, at & 4 ? max.z : min.z)),
  );
}

/** The angles between which points are seen, from the right to the left of `ahead`. */
function spanOf(points: readonly Vector3[], { at, ahead }: Eye): [number, number] {
  const left = new Vector3(ahead.z, 0, -ahead.x);
  const angles = points.map((point) => Math.atan2(point.clone().sub(at).dot(left), point.clone().sub(at).dot(ahead)));
  return [Math.min(...angles), Math.max(...angles)];
}

/** The eye as it looks at the middle of the organs; null where they are around it. */
function lookingAt(organs: readonly Vector3[], { at }: Eye): Eye | null {
  const middle = organs.reduce((sum, point) => sum.add(point), new Vector3()).divideScalar(organs.length);
  const ahead = middle.sub(at).setY(0).normalize();
  return organs.some((point) => point.clone().sub(at).dot(ahead) < AROUND) ? null : { at, ahead };
}

/** Where a board of this size covers none of the organs: left of them, right of them, or nowhere if they are around the wearer. */
export function besideOrgans(organs: readonly Vector3[], eye: Eye, width: number, height: number): Vector3[] {
  const sight = lookingAt(organs, eye);
  if (!sight) return [];
  // The board faces the eye, so that its upper or lower edge is nearer than its middle.
  const tilt = Math.atan(BOARD_BELOW / BOARD_DISTANCE);
  const half = Math.atan(width / 2 / (BOARD_DISTANCE - (Math.sin(tilt) * height) / 2));
  const [right, left] = spanOf(organs, sight);
  const turns = [left + GAP + half, right - GAP - half].filter((turn) => Math.abs(turn) <= FARTHEST);
  return turns.map((turn) => boardPlace(sight, turn));
}

/** The place that needs the smaller turn of the head; the first one, if there is little between them. */
export function nearestToSight(places: readonly Vector3[], { at, ahead }: Eye): Vector3 | undefined {
  const turn = (place: Vector3): number => place.clone().sub(at).setY(0).angleTo(ahead);
  return places.reduce<Vector3 | undefined>((best, place) => (best && turn(best) < turn(place) + LITTLE ? best : place), undefined);
}

/** Where the board is in sight although it covers organs. */
export function inSight(eye: Eye): Vector3 {
  return boardPlace(eye, BESIDE);
}

function boardPlace({ at, ahead }: Eye, turn: number): Vector3 {
  const place = at.clone().addScaledVector(ahead.clone().applyAxisAngle(UP, turn), BOARD_DISTANCE);
  return place.setY(at.y - BOARD_BELOW);
}

/** Whether all of `board` is left of the organs, or right of them. */
export function isBeside(board: readonly Vector3[], organs: readonly Vector3[], eye: Eye): boolean {
  const sight = lookingAt(organs, eye);
  if (!sight) return false;
  const [a, b] = [spanOf(board, sight), spanOf(organs, sight)];
  return a[0] > b[1] || a[1] < b[0];
}
