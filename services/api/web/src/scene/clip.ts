/** A plane that cuts the organs open, in patient metres, so that it moves with them. */
import { type Matrix4, Plane, Vector3 } from "three";

export type ClipAxis = "axial" | "coronal" | "sagittal";
/** Kept is what lies on the side of the normal: below an axial, behind a coronal, right of a sagittal plane. */
const NORMALS: Record<ClipAxis, [number, number, number]> = { axial: [0, -1, 0], coronal: [0, 0, -1], sagittal: [-1, 0, 0] };

export class Clip {
  on = false;
  readonly local = new Plane(new Vector3(0, 0, -1), 0);
  readonly world = new Plane();

  /** Along an axis of the patient, at a part (0 to 1) of the organs' extent `low` to `high` in metres. */
  set(axis: ClipAxis, part: number, low: Vector3, high: Vector3): void {
    const normal = new Vector3(...NORMALS[axis]);
    const at = new Vector3().lerpVectors(low, high, part);
    this.local.setFromNormalAndCoplanarPoint(normal, at);
  }

  /** Through the corners of a slice, which may be oblique; kept is the same side as by `set`. */
  through(corners: readonly (readonly [number, number, number])[]): void {
    const [a, b, c] = corners.map((corner) => new Vector3(...corner));
    if (!a || !b || !c) return;
    const normal = b.sub(a).cross(c.sub(a)).normalize();
    if (normal.dot(this.local.normal) < 0) normal.negate();
    this.local.setFromNormalAndCoplanarPoint(normal, a);
  }

  follow(root: Matrix4): void {
    this.world.copy(this.local).applyMatrix4(root);
  }

  hides(point: Vector3): boolean {
    return this.on && this.world.distanceToPoint(point) < 0;
  }
}
