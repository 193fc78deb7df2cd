/** The organs in three dimensions: camera, light, picking, clip plane, slice plane. Everything of the patient hangs below `root`. */
import { signal } from "@preact/signals";
import {
  Box3,
  DirectionalLight,
  Group,
  HemisphereLight,
  type Intersection,
  type Object3D,
  PerspectiveCamera,
  Raycaster,
  Scene,
  Spherical,
  Vector2,
  Vector3,
  type WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { type Slab, toPatient, type Vector } from "../core/geometry";
import { rendererFor } from "../ui/gl";
import type { Surface } from "../early/nets";
import { Caps, squareIn } from "./caps";
import { Clip, type ClipAxis } from "./clip";
import { DraftSurfaces } from "./draft";
import { Letters } from "./letters";
import { loadOrgans, OrganMesh } from "./load";
import { Measure } from "./measure";
import { type Pixels, SlicePlane, textureOf } from "./plane";

export type Side = "front" | "back" | "left" | "right" | "top" | "bottom";
const SIDES: Record<Side, [number, number, number]> = {
  front: [0.22, 0.3, 1],
  back: [0, 0, -1],
  left: [1, 0, 0],
  right: [-1, 0, 0],
  top: [0, 1, 0.001],
  bottom: [0, -1, 0.001],
};

export class OrganStage {
  readonly root = new Group();
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(35, 1, 0.01, 20);
  readonly renderer: WebGLRenderer;
  readonly controls: OrbitControls;
  readonly clip = new Clip();
  readonly plane = new SlicePlane();
  readonly measure = new Measure();
  readonly caps = new Caps(this.clip.world);
  readonly draft = new DraftSurfaces();
  readonly box = new Box3();
  letters: Letters | null = null;
  organs: OrganMesh[] = [];
  /** Counts the models that were loaded, so that effects run again for a new one. */
  readonly loaded = signal(0);
  centre: Vector = [0, 0, 0];
  triangles = 0;
  /** Whether the organs are drawn as in an X-ray. */
  readonly xray = signal(false);
  /** Where the tools of the page cut the organs open; null while they are closed. */
  readonly cut = signal<{ axis: ClipAxis; part: number } | null>(null);
  /** How far the organs are spread, 0 (as they lie) to 1. */
  readonly apart = signal(0);
  private readonly caster = new Raycaster();
  private readonly size: ResizeObserver;
  private due = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = rendererFor(canvas, { antialias: true, alpha: true, stencil: true });
    this.renderer.localClippingEnabled = true;
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.addEventListener("change", () => this.invalidate());
    const key = new DirectionalLight(0xffffff, 2.4);
    key.position.set(-0.6, 0.8, 1);
    const fill = new DirectionalLight(0xdfeaff, 0.7);
    fill.position.set(1, -0.2, 0.6);
    this.camera.add(key, key.target, fill, fill.target);
    this.root.add(this.plane, this.measure, this.caps, this.draft);
    this.scene.add(this.camera, this.root, new HemisphereLight(0xffffff, 0x8a96a3, 1.1));
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(canvas.parentElement ?? canvas);
    this.measure.follow(() => this.invalidate());
  }

  /** Shows the organs of a GLB, instead of those shown before; the camera moves at the first one only. */
  async load(bytes: ArrayBuffer): Promise<void> {
    const { meshes, centre, triangles } = await loadOrgans(bytes);
    const first = this.organs.length === 0;
    this.clear();
    this.organs = meshes;
    this.centre = this.measure.centre.value = centre;
    this.triangles = triangles;
    for (const mesh of meshes) {
      mesh.material.clippingPlanes = [];
      this.root.add(mesh);
      mesh.updateMatrixWorld(true);
      // In the coordinates of `root`, which a headset may have moved and scaled.
      mesh.geometry.computeBoundingBox();
      if (mesh.geometry.boundingBox) this.box.union(mesh.geometry.boundingBox.clone().applyMatrix4(mesh.matrix));
    }
    if (this.box.isEmpty()) this.box.set(new Vector3(-0.1, -0.1, -0.1), new Vector3(0.1, 0.1, 0.1));
    this.letters = new Letters(this.box);
    this.root.add(this.letters);
    this.caps.build(meshes);
    if (this.clip.on) this.setClip(true);
    this.setXray(this.xray.peek());
    this.spread(this.apart.peek());
    if (first) this.look("front");
    this.draft.set(new Map());
    this.loaded.value += 1;
    this.invalidate();
  }

  private clear(): void {
    for (const mesh of this.organs) {
      this.root.remove(mesh);
      mesh.geometry.dispose();
    }
    if (this.letters) this.root.remove(this.letters);
    this.box.makeEmpty();
  }

  /** Shows surfaces of what is drawn instead of the organs of these names. */
  showDraft(surfaces: ReadonlyMap<string, Surface>): void {
    this.draft.set(surfaces);
    this.draft.cut(this.clip.on ? [this.clip.world] : []);
    this.invalidate();
  }

  organ(name: string | null): OrganMesh | undefined {
    return this.organs.find((mesh) => mesh.name === name);
  }

  /** Looks from a side of the patient, all organs in sight; from the front the patient's left is on the right. */
  look(side: Side): void {
    const centre = this.box.getCenter(new Vector3());
    const radius = this.box.getSize(new Vector3()).length() / 2;
    const reach = (radius * 1.08) / Math.sin(((this.camera.fov / 2) * Math.PI) / 180) / Math.min(1, this.camera.aspect);
    this.camera.position.copy(centre).addScaledVector(new Vector3(...SIDES[side]).normalize(), reach);
    this.controls.target.copy(centre);
    this.controls.update();
    this.invalidate();
  }

  /** Turns the camera around the organs by angles in radians and scales its distance. */
  orbit(across: number, up: number, distance = 1): void {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const place = new Spherical().setFromVector3(offset);
    place.theta += across;
    place.phi = Math.min(Math.PI - 0.01, Math.max(0.01, place.phi + up));
    place.radius *= distance;
    this.camera.position.setFromSpherical(place).add(this.controls.target);
    this.controls.update();
    this.invalidate();
  }

  setClip(on: boolean): void {
    this.clip.on = on;
    for (const mesh of this.organs) {
      mesh.material.clippingPlanes = on ? [this.clip.world] : [];
      mesh.opened(on);
    }
    this.draft.cut(on ? [this.clip.world] : []);
    this.caps.visible = on && !this.renderer.xr.isPresenting;
    const middle = this.box.getCenter(new Vector3());
    if (on) this.caps.place(squareIn(this.clip.local, middle, this.box.getSize(new Vector3()).length()), null);
    this.invalidate();
  }

  /** Cuts along a slice of the scan, whose picture is on the closed ends. */
  cutAlong(slab: Slab, pixels: Pixels): void {
    this.clip.through(slab.corners);
    // Lifted, so that gas shows the organ's colour too.
    const data = pixels.data.map((value) => 72 + 0.72 * value);
    this.caps.place(slab.corners, textureOf({ ...pixels, data }));
    this.invalidate();
  }

  setXray(on: boolean): void {
    this.xray.value = on;
    for (const mesh of this.organs) mesh.setXray(on);
    this.invalidate();
  }

  /** Moves each organ away from the middle of all, `part` (0 to 1) of its distance from there. */
  spread(part: number): void {
    this.apart.value = part;
    const middle = this.box.getCenter(new Vector3());
    for (const mesh of this.organs) {
      const box = mesh.geometry.boundingBox ?? new Box3();
      const own = box.getCenter(new Vector3()).multiply(mesh.scale).applyQuaternion(mesh.quaternion).add(mesh.home);
      mesh.position.copy(own.sub(middle).multiplyScalar(1.4 * part).add(mesh.home));
    }
    this.root.updateMatrixWorld(true);
    this.invalidate();
  }

  /** What lies under a point of the canvas, in CSS pixels from its corner. */
  pickAt(x: number, y: number): Intersection<OrganMesh> | null {
    const { clientWidth, clientHeight } = this.canvas;
    this.camera.updateMatrixWorld();
    this.caster.setFromCamera(new Vector2((2 * x) / clientWidth - 1, 1 - (2 * y) / clientHeight), this.camera);
    return this.hit(this.caster);
  }

  /** Shows where the next point would be; true if there is a surface. */
  aimAt(x: number, y: number): boolean {
    const hit = this.pickAt(x, y);
    this.measure.aim.value = hit ? (toPatient(this.toRoot(hit.point).toArray() as Vector, this.centre)) : null;
    return !!hit;
  }

  /** Gives the shape that is measured the point under a point of the canvas; false if there is no surface. */
  pointAt(x: number, y: number): boolean {
    const hit = this.pickAt(x, y);
    if (hit) this.measure.take(this.toRoot(hit.point), this.camera);
    return !!hit;
  }

  /** The first organ a ray meets that is shown and not cut away. */
  hit(caster: Raycaster): Intersection<OrganMesh> | null {
    const shown = this.organs.filter((mesh) => mesh.visible);
    const hits = caster.intersectObjects<Object3D>(shown, false);
    const first = hits.find(({ point }) => !this.clip.hides(point));
    return first && first.object instanceof OrganMesh ? (first as Intersection<OrganMesh>) : null;
  }

  /** A point of the scene in metres of the patient, whatever `root` was moved to. */
  toRoot(point: Vector3): Vector3 {
    return this.root.worldToLocal(point.clone());
  }

  invalidate(): void {
    if (this.due || this.renderer.xr.isPresenting) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      this.render();
    });
  }

  render(): void {
    this.root.updateMatrixWorld(true);
    this.clip.follow(this.root.matrixWorld);
    this.letters?.face(this.camera);
    this.measure.visible = this.apart.peek() === 0; // its points are where the organs lie
    this.measure.face(this.camera, (2 * Math.tan((this.camera.fov * Math.PI) / 360)) / this.canvas.clientHeight);
    this.caps.visible = this.clip.on;
    this.caps.follow();
    this.renderer.render(this.scene, this.camera);
  }

  close(): void {
    cancelAnimationFrame(this.due);
    this.due = 0;
    this.size.disconnect();
    this.controls.dispose();
    this.measure.close();
    this.renderer.setAnimationLoop(null);
    for (const mesh of this.organs) mesh.geometry.dispose();
    this.draft.set(new Map());
    this.caps.build([]);
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  /** Fits the canvas again after a headset had it. */
  restore(): void {
    this.resize();
    this.controls.update();
    this.invalidate();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.canvas.parentElement ?? this.canvas;
    if (this.renderer.xr.isPresenting || clientWidth === 0 || clientHeight === 0) return;
    this.renderer.setSize(clientWidth, clientHeight, false);
    const narrow = this.camera.aspect;
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    if (narrow === 1 && this.organs.length > 0) this.look("front");
    this.invalidate();
  }
}
