/** Moves things by hand: one hand carries them, two also scale and turn them. All matrices are of the same space. */
import { Matrix4, Quaternion, Vector3 } from "three";

export const SMALLEST = 0.2;
export const LARGEST = 8;

/** Where a thing that was at `thing` when the hand was at `from` is, now that the hand is at `to`. */
export function carried(thing: Matrix4, from: Matrix4, to: Matrix4): Matrix4 {
  return to.clone().multiply(from.clone().invert()).multiply(thing);
}

/**
 * The same for two hands at the points `from` and `to`: the line between them carries, turns and scales the thing, whose
 * scale stays between SMALLEST and LARGEST.
 */
export function stretched(thing: Matrix4, from: readonly [Vector3, Vector3], to: readonly [Vector3, Vector3]): Matrix4 {
  const before = from[1].clone().sub(from[0]);
  const after = to[1].clone().sub(to[0]);
  const size = new Vector3().setFromMatrixScale(thing).x;
  const asked = after.length() / Math.max(before.length(), 1e-4);
  const factor = Math.min(LARGEST / size, Math.max(SMALLEST / size, asked));
  const turn = new Quaternion().setFromUnitVectors(before.normalize(), after.normalize());
  const middle = (pair: readonly [Vector3, Vector3]): Vector3 => pair[0].clone().add(pair[1]).multiplyScalar(0.5);
  const origin = middle(from);
  return new Matrix4()
    .compose(middle(to), turn, new Vector3(factor, factor, factor))
    .multiply(new Matrix4().makeTranslation(-origin.x, -origin.y, -origin.z))
    .multiply(thing);
}
