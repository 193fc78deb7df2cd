/** The clip plane as something to take hold of: a thin sheet with a ball on its rim. */
import { DoubleSide, Group, Matrix4, Mesh, MeshBasicMaterial, PlaneGeometry, type Raycaster, SphereGeometry, Vector3 } from "three";
import type { Clip } from "../scene/clip";
import { carried } from "./grab";
import type { Handle } from "./holds";

const REACH = 0.17;

export class ClipHandle extends Group implements Handle {
  readonly ball = ballOf(0x5fc6d0);
  private readonly sheet = new Mesh(
    new PlaneGeometry(2 * REACH, 2 * REACH),
    new MeshBasicMaterial({ color: 0x5fc6d0, transparent: true, opacity: 0.12, side: DoubleSide, depthWrite: false }),
  );
  private from: { hand: Matrix4; plane: Matrix4 } | null = null;

  constructor(private readonly clip: Clip) {
    super();
    this.matrixAutoUpdate = false;
    this.ball.position.set(REACH, REACH, 0);
    this.sheet.renderOrder = 3;
    this.add(this.sheet, this.ball);
    this.visible = false;
  }

  /** Is where the clip plane is, as near to `centre` as the plane allows. */
  show(centre: Vector3): void {
    const at = this.clip.local.projectPoint(centre, new Vector3());
    const up = Math.abs(this.clip.local.normal.y) > 0.9 ? new Vector3(0, 0, 1) : new Vector3(0, 1, 0);
    this.matrix.lookAt(this.clip.local.normal, new Vector3(), up).setPosition(at);
    // On the patient's left, which is the wearer's right: the board stands on the other side.
    this.ball.position.x = new Vector3().setFromMatrixColumn(this.matrix, 0).x < 0 ? -REACH : REACH;
    this.matrixWorldNeedsUpdate = true;
    this.visible = true;
  }

  /** Takes a new place in the parent's space; the clip plane goes along. */
  moveTo(matrix: Matrix4): void {
    this.matrix.copy(matrix);
    this.matrixWorldNeedsUpdate = true;
    const normal = new Vector3().setFromMatrixColumn(matrix, 2).normalize();
    this.clip.local.setFromNormalAndCoplanarPoint(normal, new Vector3().setFromMatrixPosition(matrix));
  }

  hit(caster: Raycaster): number {
    return this.visible ? (caster.intersectObject(this.ball, false)[0]?.distance ?? Infinity) : Infinity;
  }

  begin(hand: Matrix4): void {
    this.from = { hand, plane: this.matrix.clone() };
  }

  follow(hand: Matrix4): void {
    if (this.from) this.moveTo(carried(this.from.plane, this.from.hand, hand));
  }
}

export function ballOf(colour: number): Mesh<SphereGeometry, MeshBasicMaterial> {
  return new Mesh(new SphereGeometry(0.016, 20, 14), new MeshBasicMaterial({ color: colour }));
}
