/** What the wearer holds or is: two pointers, drawn as rays and as small balls at controllers or finger joints. */
import {
  BufferGeometry,
  Float32BufferAttribute,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  MeshStandardMaterial,
  Raycaster,
  SphereGeometry,
  Vector3,
  type WebXRManager,
  type XRTargetRaySpace,
} from "three";

export interface Pointer {
  index: number;
  ray: XRTargetRaySpace;
  caster: Raycaster;
  source: XRInputSource | null;
  /** Where the hand was and when, as it closed; null while it is open. */
  held: { matrix: Matrix4; at: number; frame: number } | null;
}

/** As headsets offer it (Gamepad Extensions). */
interface Actuator {
  pulse?: (value: number, milliseconds: number) => unknown;
}

const JOINTS = 25;

export class Hands {
  readonly pointers: Pointer[];
  readonly rays = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ color: 0xbfe9ee, transparent: true, opacity: 0.7 }));
  readonly balls = new InstancedMesh(
    new SphereGeometry(0.007, 10, 8),
    new MeshStandardMaterial({ color: 0xd7e3e8, roughness: 0.6 }),
    2 * JOINTS,
  );

  constructor(private readonly xr: WebXRManager) {
    this.pointers = [0, 1].map((index) => ({ index, ray: xr.getController(index), caster: new Raycaster(), source: null, held: null }));
    this.rays.geometry.setAttribute("position", new Float32BufferAttribute(new Float32Array(12), 3));
    this.rays.frustumCulled = this.balls.frustumCulled = false;
  }

  /** Points the casters; `reach` says how far each ray is drawn. */
  aim(): void {
    for (const { ray, caster } of this.pointers) {
      ray.updateMatrixWorld(true);
      caster.ray.origin.setFromMatrixPosition(ray.matrixWorld);
      caster.ray.direction.set(0, 0, -1).transformDirection(ray.matrixWorld);
    }
  }

  draw(reach: (pointer: Pointer) => number): void {
    const position = this.rays.geometry.getAttribute("position");
    let count = 0;
    const ball = new Matrix4();
    for (const pointer of this.pointers) {
      const { origin, direction } = pointer.caster.ray;
      const end = origin.clone().addScaledVector(direction, pointer.source ? reach(pointer) : 0);
      position.setXYZ(2 * pointer.index, origin.x, origin.y, origin.z);
      position.setXYZ(2 * pointer.index + 1, end.x, end.y, end.z);
      for (const place of this.places(pointer)) this.balls.setMatrixAt(count++, ball.makeTranslation(place));
    }
    position.needsUpdate = true;
    this.balls.count = count;
    this.balls.instanceMatrix.needsUpdate = true;
  }

  buzz(pointer: Pointer): void {
    const gamepad = pointer.source?.gamepad as unknown as { hapticActuators?: Actuator[] } | undefined;
    void gamepad?.hapticActuators?.[0]?.pulse?.(0.25, 15);
  }

  private places(pointer: Pointer): Vector3[] {
    if (!pointer.source) return [];
    const joints = Object.values(this.xr.getHand(pointer.index).joints);
    if (!pointer.source.hand || joints.length === 0) return [pointer.caster.ray.origin.clone()];
    return joints.filter((joint) => joint.visible).map((joint) => new Vector3().setFromMatrixPosition(joint.matrixWorld));
  }
}
