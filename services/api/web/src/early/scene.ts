/** Early surfaces in a small 3-D view, seen from the front; a drag turns them. */
import {
  AmbientLight,
  Box3,
  BufferAttribute,
  BufferGeometry,
  Color,
  DirectionalLight,
  Group,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
  Sphere,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { apply, flip, type Vector } from "../core/geometry";
import { LABEL_COLOURS } from "../core/organs";
import { coarse, type Labels, surface } from "./nets";

/** Width of the voxels from which surfaces are made: a preview of a whole abdomen takes less than a tenth of a second. */
const VOXEL_MM = 4.5;

export class EarlyScene {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(35, 1, 0.01, 10);
  private readonly controls: OrbitControls;
  private organs = new Group();
  private centre: Vector | null = null;
  private isTurned = false;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener("start", () => (this.isTurned = true));
    this.controls.addEventListener("change", () => this.draw());
    const light = new DirectionalLight(0xffffff, 2);
    light.position.set(0.5, 1, 1.5);
    this.scene.add(new AmbientLight(0xffffff, 1.2), light, this.organs);
  }

  /** Shows the surfaces of all labels; returns the number of triangles. */
  show(labels: Labels): number {
    const small = coarse(labels, VOXEL_MM);
    const middle = small.dims.map((count) => (count - 1) / 2) as Vector;
    this.centre ??= flip(apply(small.affine, middle));
    this.clear();
    let triangles = 0;
    for (const [label, colour] of Object.entries(LABEL_COLOURS)) {
      const found = surface(small, Number(label), this.centre);
      triangles += found.triangles.length / 3;
      if (found.triangles.length) this.organs.add(meshOf(found.positions, found.triangles, colour));
    }
    if (!this.isTurned) this.frame();
    this.draw();
    return triangles;
  }

  close(): void {
    this.clear();
    this.controls.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  /** Moves the camera so that it sees all organs from the front. */
  private frame(): void {
    const ball = new Box3().setFromObject(this.organs).getBoundingSphere(new Sphere());
    if (ball.isEmpty()) return;
    const distance = ball.radius / Math.sin((this.camera.fov * Math.PI) / 360);
    this.controls.target.copy(ball.center);
    this.camera.position.copy(ball.center).add(new Vector3(0, 0, 1.05 * distance));
    this.controls.update();
  }

  private draw(): void {
    const { clientWidth, clientHeight } = this.canvas;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.camera.aspect = clientWidth / Math.max(1, clientHeight);
    this.camera.updateProjectionMatrix();
    this.renderer.render(this.scene, this.camera);
  }

  private clear(): void {
    for (const mesh of this.organs.children as Mesh<BufferGeometry, MeshStandardMaterial>[]) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.scene.remove(this.organs);
    this.organs = new Group();
    this.scene.add(this.organs);
  }
}

function meshOf(positions: Float32Array, triangles: Uint32Array, colour: readonly number[]): Mesh {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setIndex(new BufferAttribute(triangles, 1));
  geometry.computeVertexNormals();
  const [r = 0, g = 0, b = 0] = colour;
  return new Mesh(geometry, new MeshStandardMaterial({ color: new Color(`rgb(${r}, ${g}, ${b})`), roughness: 0.6 }));
}
