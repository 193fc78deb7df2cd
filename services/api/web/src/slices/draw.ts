/** Draws slices of one volume and its labels into the tiles of a canvas. */
import {
  type Data3DTexture,
  GLSL3,
  Mesh,
  OrthographicCamera,
  PlaneGeometry,
  Scene,
  ShaderMaterial,
  Vector2,
  Vector3,
  type WebGLRenderer,
} from "three";
import type { Vector } from "../core/geometry";
import type { OrganState } from "../job/state";
import { rendererFor } from "../ui/gl";
import { planeOf, type Sight, type Tile, toVoxel } from "./grid";
import { FRAGMENT, VERTEX } from "./shader";
import { emptyPalette, labelTexture, palette, strideOf, volumeTexture } from "./textures";
import type { Numbers, Volume } from "./volume";

export class Drawer {
  /** Along each axis every n-th voxel is shown; more than 1 where the scan is too large for this page. */
  readonly stride: Vector;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new OrthographicCamera();
  private readonly palette = emptyPalette();
  private readonly material: ShaderMaterial;
  private labels: Data3DTexture;
  /** The labels of the organs, in their order. */
  private order: number[] = [];
  private readonly texture: Data3DTexture;

  constructor(
    canvas: HTMLCanvasElement,
    private readonly volume: Volume,
  ) {
    this.renderer = rendererFor(canvas);
    this.renderer.autoClear = false;
    this.stride = strideOf(volume.dims, this.longest());
    this.texture = volumeTexture(volume, this.stride);
    this.labels = labelTexture([0], [1, 1, 1], [1, 1, 1], []);
    const empty = (): { value: Vector3 } => ({ value: new Vector3() });
    const size = new Vector3(...volume.dims.map((count, axis) => Math.ceil(count / (this.stride[axis] ?? 1))));
    this.material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      depthTest: false,
      depthWrite: false,
      uniforms: {
        volume: { value: this.texture },
        labels: { value: this.labels },
        palette: { value: this.palette },
        size: { value: size },
        corner: empty(),
        right: empty(),
        down: empty(),
        across: empty(),
        downwards: empty(),
        pixels: { value: new Vector2() },
        window: { value: new Vector2(0, 1) },
        rim: { value: 1 },
      },
    });
    const quad = new Mesh(new PlaneGeometry(2, 2), this.material);
    quad.frustumCulled = false;
    this.scene.add(quad);
  }

  private longest(): number {
    const gl = this.renderer.getContext() as WebGL2RenderingContext;
    return gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) as number;
  }

  setLabels(labels: Numbers, organs: readonly OrganState[]): void {
    this.order = organs.map(({ label }) => label);
    this.replace(labels);
  }

  /** Shows the labels that changed from a corner of a box to the other, both included. */
  update(labels: Numbers, low: Vector, high: Vector): void {
    if (this.stride.some((step) => step > 1)) {
      this.replace(labels);
      return;
    }
    const piece = labelTexture(labels, this.volume.dims, this.stride, this.order, [low, high]);
    this.renderer.copyTextureToTexture(piece, this.labels, null, new Vector3(...low));
    piece.dispose();
  }

  private replace(labels: Numbers): void {
    this.labels.dispose();
    this.labels = labelTexture(labels, this.volume.dims, this.stride, this.order);
    this.set("labels", this.labels);
  }

  setPalette(organs: readonly OrganState[], fill: number, selected: string | null): void {
    palette(this.palette, organs, fill, selected);
  }

  resize(width: number, height: number): void {
    this.renderer.setSize(width, height, false);
  }

  /** `height` is that of the canvas; `window` holds the values of black and white. */
  draw(tiles: readonly Tile[], sight: Sight, window: readonly [number, number], height: number): void {
    const { least, most } = this.volume;
    const part = (value: number): number => (value - least) / (most - least);
    (this.uniform("window") as Vector2).set(part(window[0]), part(window[1]));
    this.renderer.setScissorTest(false);
    this.renderer.clear();
    this.renderer.setScissorTest(true);
    for (const tile of tiles) this.drawTile(tile, sight, height);
  }

  private drawTile(tile: Tile, sight: Sight, height: number): void {
    const bottom = height - tile.y - tile.height;
    this.renderer.setViewport(tile.x, bottom, tile.width, tile.height);
    this.renderer.setScissor(tile.x, bottom, tile.width, tile.height);
    const plane = planeOf(this.volume.affine, tile.orientation);
    const at = (x: number, y: number): Vector3 => {
      const voxel = toVoxel(this.volume, plane, tile, sight, x, y);
      return new Vector3(...voxel.map((part, axis) => part / (this.stride[axis] ?? 1)));
    };
    const corner = at(0, 0);
    (this.uniform("corner") as Vector3).copy(corner);
    (this.uniform("right") as Vector3).copy(at(1, 0)).sub(corner);
    (this.uniform("down") as Vector3).copy(at(0, 1)).sub(corner);
    (this.uniform("pixels") as Vector2).set(tile.width, tile.height);
    (this.uniform("across") as Vector3).set(0, 0, 0).setComponent(plane.across.axis, 1);
    (this.uniform("downwards") as Vector3).set(0, 0, 0).setComponent(plane.down.axis, 1);
    this.renderer.render(this.scene, this.camera);
  }

  private uniform(name: string): unknown {
    return this.material.uniforms[name]?.value;
  }

  private set(name: string, value: unknown): void {
    const uniform = this.material.uniforms[name];
    if (uniform) uniform.value = value;
  }

  close(): void {
    this.texture.dispose();
    this.labels.dispose();
    this.palette.dispose();
    this.material.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}
