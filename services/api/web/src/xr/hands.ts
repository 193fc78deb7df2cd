/** What the wearer holds or is: two pointers, each with a ray, drawn as a hand or a controller. */
import { BufferGeometry, Float32BufferAttribute, LineBasicMaterial, LineSegments, type Matrix4, Raycaster, type WebXRManager, type XRTargetRaySpace } from "three";
import { type Bone, Bones } from "./bones";
import { controllerBones, handBones } from "./skeleton";

export interface Pointer {
  index: number;
  ray: XRTargetRaySpace;
  caster: Raycaster;
  source: XRInputSource | null;
  /** Where the hand was and when, as it closed; null while it is open. */
  closing: { matrix: Matrix4; at: number; frame: number } | null;
}

/** As headsets offer it (Gamepad Extensions). */
interface Actuator {
  pulse?: (value: number, milliseconds: number) => unknown;
}

export class Hands {
  readonly pointers: Pointer[];
  readonly rays = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ color: 0xbfe9ee, transparent: true, opacity: 0.7 }));
  readonly bones = new Bones();

  constructor(private readonly xr: WebXRManager) {
    this.pointers = [0, 1].map((index) => ({ index, ray: xr.getController(index), caster: new Raycaster(), source: null, closing: null }));
    this.rays.geometry.setAttribute("position", new Float32BufferAttribute(new Float32Array(12), 3));
    this.rays.frustumCulled = false;
  }

  /** Points the casters. */
  aim(): void {
    for (const { ray, caster } of this.pointers) {
      ray.updateMatrixWorld(true);
      caster.ray.origin.setFromMatrixPosition(ray.matrixWorld);
      caster.ray.direction.set(0, 0, -1).transformDirection(ray.matrixWorld);
    }
  }

  /** `reach` says how far each ray is drawn. */
  draw(reach: (pointer: Pointer) => number): void {
    const position = this.rays.geometry.getAttribute("position");
    for (const pointer of this.pointers) {
      const { origin, direction } = pointer.caster.ray;
      const end = origin.clone().addScaledVector(direction, pointer.source ? reach(pointer) : 0);
      position.setXYZ(2 * pointer.index, origin.x, origin.y, origin.z);
      position.setXYZ(2 * pointer.index + 1, end.x, end.y, end.z);
    }
    position.needsUpdate = true;
    this.bones.set(this.pointers.flatMap((pointer) => this.bonesOf(pointer)));
  }

  buzz(pointer: Pointer): void {
    const gamepad = pointer.source?.gamepad as unknown as { hapticActuators?: Actuator[] } | undefined;
    void gamepad?.hapticActuators?.[0]?.pulse?.(0.25, 15);
  }

  private bonesOf({ index, ray, source }: Pointer): Bone[] {
    if (!source) return [];
    const bones = source.hand ? handBones(this.xr.getHand(index).joints) : [];
    return bones.length > 0 ? bones : controllerBones(ray.matrixWorld);
  }
}
