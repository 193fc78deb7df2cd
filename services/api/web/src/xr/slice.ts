/** The slice of the scan as something to take hold of: a ball at its edge, and steps. The picture follows the place. */
import { type Matrix4, type Raycaster, Vector3 } from "three";
import { type Orientation, toPatient, type Vector } from "../core/geometry";
import type { ResultState } from "../job/state";
import type { OrganStage } from "../scene/stage";
import type { SliceView } from "../slices/view";
import { ballOf } from "./handle";
import type { Handle } from "./holds";

/** How far outside the organs the ball is, in metres. */
const OUTSIDE = 0.03;
/** Steps up go to the head, the front and the patient's right, where the numbers of slices begin. */
const UP = -1;

export class SliceHandle implements Handle {
  readonly ball = ballOf(0xf2c14e);
  private from: { point: Vector3; reach: number; place: Vector3 } | null = null;

  constructor(
    private readonly stage: OrganStage,
    private readonly state: ResultState,
    private readonly slices: () => SliceView | null,
  ) {
    this.ball.visible = false;
  }

  /** At the front corner on the patient's left, which is the wearer's right, close to the organs. */
  show(): void {
    const corners = this.stage.plane.visible && this.slices() ? this.stage.plane.corners : null;
    this.ball.visible = corners !== null;
    if (!corners) return;
    const side = ([x, y, z]: Vector): number => x + z + y / 8;
    const corner = new Vector3(...corners.reduce((a, b) => (side(b) > side(a) ? b : a)));
    const near = this.stage.box.clone().expandByScalar(OUTSIDE).clampPoint(corner, new Vector3());
    // A clamp may leave an oblique plane: back to it.
    const normal = normalOf(corners);
    this.ball.position.copy(near.addScaledVector(normal, corner.sub(near).dot(normal)));
  }

  hit(caster: Raycaster): number {
    return this.ball.visible ? (caster.intersectObject(this.ball, false)[0]?.distance ?? Infinity) : Infinity;
  }

  begin(hand: Matrix4, reach: number): void {
    const point = new Vector3(0, 0, -reach).applyMatrix4(hand);
    this.from = { point, reach, place: this.middle };
  }

  /** The slice goes where the ray's end went, along its own normal. */
  follow(hand: Matrix4): void {
    const { corners } = this.stage.plane;
    if (!this.from || !corners) return;
    const normal = normalOf(corners);
    const way = new Vector3(0, 0, -this.from.reach).applyMatrix4(hand).sub(this.from.point).dot(normal);
    const to = this.from.place.clone().addScaledVector(normal, way);
    this.go((view) => view.toVoxel(toPatient(to.toArray(), this.stage.centre)));
  }

  /** The next slice: up (1) to the head, the front or the patient's right, down (-1) the other way. */
  step(to: number): void {
    this.go((view, plane) => {
      const { axis, sign } = view.plane(plane).through;
      const voxel: Vector = [...view.toVoxel(this.state.place.peek() ?? view.middle)];
      voxel[axis] = Math.round(voxel[axis]) + UP * to * sign;
      return voxel;
    });
  }

  private get middle(): Vector3 {
    const corners = this.stage.plane.corners ?? [];
    return corners.reduce((sum, corner) => sum.add(new Vector3(...corner)), new Vector3()).divideScalar(Math.max(1, corners.length));
  }

  /** Goes to the slice through a voxel; the place within the slice stays. */
  private go(target: (view: SliceView, plane: Orientation) => Vector): void {
    const [view, plane] = [this.slices(), this.state.plane.peek()];
    if (!view || plane === "none") return;
    const { axis } = view.plane(plane).through;
    const voxel: Vector = [...view.toVoxel(this.state.place.peek() ?? view.middle)];
    const asked = Math.round(target(view, plane)[axis]);
    const to = Math.min((view.volume.dims[axis] ?? 1) - 1, Math.max(0, asked));
    if (to === Math.round(voxel[axis])) return;
    voxel[axis] = to;
    this.state.place.value = view.toPatient(voxel);
  }
}

function normalOf(corners: readonly Vector[]): Vector3 {
  const [a, b, c] = corners.map((corner) => new Vector3(...corner));
  return a && b && c ? b.sub(a).cross(c.sub(a)).normalize() : new Vector3(0, 1, 0);
}
