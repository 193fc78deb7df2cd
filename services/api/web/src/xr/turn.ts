/** A turn of the wearer in one step, about their own vertical axis: smooth turning makes people sick. */
import { Quaternion, Vector3 } from "three";

export const TURN = Math.PI / 6;

/** The space in which the wearer, whose eye is at `eye`, looks `TURN` further to the right (1) or left (-1); `eye` stays. */
export function turned(space: XRReferenceSpace, eye: Vector3, to: number): XRReferenceSpace {
  const turn = new Quaternion().setFromAxisAngle(new Vector3(0, 1, 0), to * TURN);
  const { x, y, z } = eye.clone().sub(eye.clone().applyQuaternion(turn));
  return space.getOffsetReferenceSpace(new XRRigidTransform({ x, y, z }, { x: turn.x, y: turn.y, z: turn.z, w: turn.w }));
}
