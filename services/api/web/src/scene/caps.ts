/** Closed ends where a plane cuts the organs: what of a plane lies inside an organ is drawn in its colour, with the scan's picture.
 *
 * Counted in the stencil buffer, after the three.js example "clipping_stencil": seen from a pixel, the back faces that are left less
 * the front faces that are left say whether the plane is inside there.
 */
import {
  AlwaysStencilFunc,
  BackSide,
  BufferAttribute,
  BufferGeometry,
  Color,
  DecrementWrapStencilOp,
  DoubleSide,
  FrontSide,
  Group,
  IncrementWrapStencilOp,
  Mesh,
  MeshBasicMaterial,
  NotEqualStencilFunc,
  type Plane,
  ReplaceStencilOp,
  type Texture,
  Vector3,
  type WebGLRenderer,
} from "three";
import type { OrganMesh } from "./load";

/** Three draws of an organ come one after another: each cap clears the stencil for the next. */
const FIRST_ORDER = 20;

class Cap extends Group {
  readonly face: Mesh<BufferGeometry, MeshBasicMaterial>;
  private readonly counters: Mesh<BufferGeometry, MeshBasicMaterial>[];

  constructor(
    readonly organ: OrganMesh,
    square: BufferGeometry,
    plane: Plane,
    order: number,
  ) {
    super();
    this.counters = [BackSide, FrontSide].map((side) => counter(organ, side, plane, order));
    this.face = new Mesh(square, new MeshBasicMaterial({ side: DoubleSide, stencilWrite: true, stencilRef: 0 }));
    const { material } = this.face;
    material.stencilFunc = NotEqualStencilFunc;
    material.stencilFail = material.stencilZFail = material.stencilZPass = ReplaceStencilOp;
    this.face.renderOrder = order + 0.1;
    this.face.frustumCulled = false;
    this.face.onAfterRender = (renderer: WebGLRenderer): void => renderer.clearStencil();
    this.add(...this.counters, this.face);
    for (const mesh of [...this.counters, this.face]) mesh.raycast = () => undefined;
  }

  /** The picture of the slice, tinted by the organ; without one the organ's own colour. */
  paint(picture: Texture | null): void {
    const { material } = this.face;
    material.color.copy(this.organ.material.color);
    if (picture) material.color.lerp(new Color(0xffffff), 0.45);
    if ((material.map === null) !== (picture === null)) material.needsUpdate = true;
    material.map = picture;
  }

  free(): void {
    for (const mesh of [...this.counters, this.face]) mesh.material.dispose();
  }
}

function counter(organ: OrganMesh, side: typeof BackSide | typeof FrontSide, plane: Plane, order: number): Mesh<BufferGeometry, MeshBasicMaterial> {
  const step = side === BackSide ? IncrementWrapStencilOp : DecrementWrapStencilOp;
  const material = new MeshBasicMaterial({ side, depthWrite: false, depthTest: false, colorWrite: false, clippingPlanes: [plane] });
  material.stencilWrite = true;
  material.stencilFunc = AlwaysStencilFunc;
  material.stencilFail = material.stencilZFail = material.stencilZPass = step;
  const mesh = new Mesh(organ.geometry, material);
  mesh.position.copy(organ.position);
  mesh.quaternion.copy(organ.quaternion);
  mesh.scale.copy(organ.scale);
  mesh.renderOrder = order;
  return mesh;
}

export class Caps extends Group {
  private readonly square = new BufferGeometry();
  private picture: Texture | null = null;

  constructor(private readonly plane: Plane) {
    super();
    this.square.setAttribute("position", new BufferAttribute(new Float32Array(12), 3));
    this.square.setAttribute("uv", new BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2));
    this.square.setIndex([0, 1, 2, 0, 2, 3]);
    this.visible = false;
  }

  private get caps(): Cap[] {
    return this.children as Cap[];
  }

  build(organs: readonly OrganMesh[]): void {
    for (const cap of this.caps) cap.free();
    this.clear();
    organs.forEach((organ, at) => this.add(new Cap(organ, this.square, this.plane, FIRST_ORDER + at)));
    for (const cap of this.caps) cap.paint(this.picture);
  }

  /** The four corners of the cut, in metres of the patient, and the picture on it. */
  place(corners: readonly (readonly [number, number, number])[], picture: Texture | null): void {
    const position = this.square.getAttribute("position") as BufferAttribute;
    corners.forEach((corner, at) => position.setXYZ(at, ...corner));
    position.needsUpdate = true;
    for (const cap of this.caps) cap.paint(picture);
    if (this.picture !== picture) this.picture?.dispose();
    this.picture = picture;
  }

  /** Organs that are not shown have no cap. */
  follow(): void {
    for (const cap of this.caps) cap.visible = cap.organ.visible;
  }

  /** How many organs have a cap now. */
  get shown(): number {
    return this.visible ? this.caps.filter(({ visible }) => visible).length : 0;
  }
}

/** A square in a plane around a point, `half` metres to each side. */
export function squareIn(plane: Plane, around: Vector3, half: number): [number, number, number][] {
  const middle = plane.projectPoint(around, new Vector3());
  const u = new Vector3(plane.normal.y, plane.normal.z, plane.normal.x).cross(plane.normal).normalize();
  const v = new Vector3().crossVectors(plane.normal, u);
  return ([[-1, -1], [1, -1], [1, 1], [-1, 1]] as const).map(([a, b]) => {
    const corner = middle.clone().addScaledVector(u, a * half).addScaledVector(v, b * half);
    return corner.toArray() as [number, number, number];
  });
}
