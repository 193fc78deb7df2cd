/** What closed hands hold: handles, each by one hand, and the organs by the others. */
import { Matrix4, type Object3D, type Raycaster, Vector3 } from "three";
import { carried, stretched } from "./grab";
import type { Pointer } from "./hands";

/** Something on the organs to take hold of. Hands are matrices in the organs' coordinates, their rays along -Z. */
export interface Handle {
  /** How far along the ray it is; Infinity where the ray misses it. */
  hit(caster: Raycaster): number;
  begin(hand: Matrix4, reach: number): void;
  follow(hand: Matrix4): void;
}

interface Grip {
  root: Matrix4;
  from: Matrix4[];
  pointers: Pointer[];
}

export class Holds {
  private grip: Grip | null = null;
  private readonly handles = new Map<Handle, Pointer>();

  constructor(
    private readonly root: Object3D,
    private readonly pointers: readonly Pointer[],
  ) {}

  /** How many hands carry the organs. */
  get carrying(): number {
    return this.grip?.pointers.length ?? 0;
  }

  take(pointer: Pointer, handle: Handle | null, reach: number): void {
    if (handle && !this.handles.has(handle)) {
      this.handles.set(handle, pointer);
      handle.begin(this.inside(pointer), reach);
    }
    this.grasp();
  }

  /** Whether the hand that opened held a handle. */
  release(pointer: Pointer): boolean {
    const released = [...this.handles].filter(([, holder]) => holder === pointer);
    for (const [handle] of released) this.handles.delete(handle);
    this.grasp();
    return released.length > 0;
  }

  follow(): void {
    for (const [handle, pointer] of this.handles) handle.follow(this.inside(pointer));
    if (this.grip) moved(this.grip).decompose(this.root.position, this.root.quaternion, this.root.scale);
  }

  private inside(pointer: Pointer): Matrix4 {
    return this.root.matrixWorld.clone().invert().multiply(pointer.ray.matrixWorld);
  }

  /** From now on the closed hands that hold no handle carry the organs. */
  private grasp(): void {
    const holders = new Set(this.handles.values());
    const pointers = this.pointers.filter((pointer) => pointer.closing && !holders.has(pointer));
    this.root.updateMatrix();
    const from = pointers.map(({ ray }) => ray.matrixWorld.clone());
    this.grip = pointers.length > 0 ? { root: this.root.matrix.clone(), from, pointers } : null;
  }
}

function moved({ root, from, pointers }: Grip): Matrix4 {
  const [a, b] = from;
  const [c, d] = pointers.map(({ ray }) => ray.matrixWorld);
  const place = (matrix: Matrix4): Vector3 => new Vector3().setFromMatrixPosition(matrix);
  if (a && b && c && d) return stretched(root, [place(a), place(b)], [place(c), place(d)]);
  return carried(root, a ?? new Matrix4(), c ?? new Matrix4());
}
