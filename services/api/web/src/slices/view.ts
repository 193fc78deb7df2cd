/** The volume with its outlines in NiiVue, in radiological convention, tied to the state both views share. */
import { cmapper, Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";
import { flip, type Matrix, type Orientation, type Slab, slab, type Vector } from "../core/geometry";
import type { OrganState } from "../job/state";

export type Layout = Orientation | "all";
export interface Place {
  lps: Vector;
  label: number;
  value: number;
}

type Tile = { sliceType: SLICE_TYPE; position: [number, number, number, number] };
// Margins keep the letters at the right edge of each tile inside the canvas.
const WHOLE: Tile["position"] = [0, 0, 0.975, 0.98];
const LAYOUTS: Record<Layout, Tile[]> = {
  all: [
    { sliceType: SLICE_TYPE.AXIAL, position: [0, 0, 0.56, 0.98] },
    { sliceType: SLICE_TYPE.CORONAL, position: [0.59, 0, 0.385, 0.48] },
    { sliceType: SLICE_TYPE.SAGITTAL, position: [0.59, 0.5, 0.385, 0.48] },
  ],
  axial: [{ sliceType: SLICE_TYPE.AXIAL, position: WHOLE }],
  coronal: [{ sliceType: SLICE_TYPE.CORONAL, position: WHOLE }],
  sagittal: [{ sliceType: SLICE_TYPE.SAGITTAL, position: WHOLE }],
};
/** Grey levels below this are air, through which the model is seen. */
const AIR = 14;
const STEPS: Record<string, Vector> = {
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
  ArrowUp: [0, 0, 1],
  ArrowDown: [0, 0, -1],
  ArrowLeft: [1, 0, 0],
  ArrowRight: [-1, 0, 0],
  ",": [0, 1, 0],
  ".": [0, -1, 0],
};

interface Table {
  R: number[];
  G: number[];
  B: number[];
  A: number[];
  I: number[];
}

interface Location {
  mm: ArrayLike<number>;
  /** Column, row and slice after NiiVue turned the volume to RAS. */
  vox: ArrayLike<number> & Iterable<number>;
  values: { value: number }[];
}

export class SliceView {
  onMove: (place: Place) => void = () => undefined;
  onWindow: (low: number, high: number) => void = () => undefined;
  private readonly nv = new Niivue({
    isRadiologicalConvention: true,
    isOrientationTextVisible: true,
    showAllOrientationMarkers: true,
    multiplanarShowRender: SHOW_RENDER.NEVER,
    sagittalNoseLeft: true,
    crosshairColor: [0.35, 0.85, 0.8, 0.9],
    crosshairWidth: 1,
    crosshairWidthUnit: "mm",
    crosshairGap: 8,
    backColor: [0.03, 0.04, 0.05, 1],
    fontColor: [0.85, 0.9, 0.92, 1],
    fontMinPx: 19,
    isColorbar: false,
    dragAndDropEnabled: false,
    clipPlaneHotKey: "",
    viewModeHotKey: "",
    cycleClipPlaneHotKey: "",
    logLevel: "error",
    loadingText: "",
  });
  isOpen = false;
  private quiet = false;
  private due = 0;

  /** Draws the volume (NIfTI) with its label map over it; either may be gzipped. */
  async open(canvas: HTMLCanvasElement, volume: ArrayBuffer, labels: ArrayBuffer, organs: readonly OrganState[]): Promise<void> {
    await this.nv.attachToCanvas(canvas);
    this.isOpen = true;
    await this.nv.loadFromArrayBuffer(volume, "volume.nii.gz");
    // As NiiVue's drawing layer, whose rims are one screen pixel wide in every plane.
    this.nv.loadDrawing(await NVImage.loadFromUrl({ url: "labels.nii.gz", name: "labels.nii.gz", buffer: labels }));
    this.nv.drawRimOpacity = 1;
    this.nv.drawOpacity = 1;
    this.layout("all");
    this.paint(organs, 0.35, null);
    this.nv.onLocationChange = (location) => this.moved(location as Location);
    this.nv.onIntensityChange = (image) => this.onWindow(image.cal_min ?? 0, image.cal_max ?? 1);
    canvas.addEventListener("keydown", this.key);
  }

  close(): void {
    this.isOpen = false;
    this.nv.canvas?.removeEventListener("keydown", this.key);
    this.nv.cleanup();
    this.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  layout(layout: Layout): void {
    this.nv.setCustomLayout(LAYOUTS[layout]);
  }

  /** Outlines at full strength with a tint of `fill` (0 to 1) inside, weakened by the organ's opacity; the chosen one stands out. */
  paint(organs: readonly OrganState[], fill: number, selected: string | null): void {
    const table: Table = { R: [0], G: [0], B: [0], A: [0], I: [0] };
    for (const organ of [...organs].sort((a, b) => a.label - b.label)) {
      const [r, g, b] = organ.colour;
      const strength = Math.min(1, fill + (organ.name === selected ? 0.25 : 0)) * organ.opacity.value;
      table.R.push(r);
      table.G.push(g);
      table.B.push(b);
      // A label of no strength at all loses its outline too.
      table.A.push(organ.visible.value ? Math.max(1, Math.round(255 * strength)) : 0);
      table.I.push(organ.label);
    }
    // Not setDrawColormap: that would turn the whole volume anew.
    this.nv.drawLut = cmapper.makeDrawLut(table);
    this.nv.refreshColormaps();
    this.nv.drawScene();
  }

  get levels(): { low: number; high: number; least: number; most: number } {
    const volume = this.volume;
    return {
      low: volume.cal_min ?? 0,
      high: volume.cal_max ?? 1,
      least: volume.global_min ?? 0,
      most: volume.global_max ?? 1,
    };
  }

  setWindow(low: number, high: number): void {
    this.volume.cal_min = low;
    this.volume.cal_max = Math.max(high, low + 1e-6);
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.isOpen && this.nv.updateGLVolume());
  }

  /** Moves the crosshair to a patient point, LPS mm, without telling `onMove`. */
  goTo(lps: Vector): void {
    const [x, y, z] = flip(lps);
    const fraction = this.nv.mm2frac([x, y, z]);
    for (let axis = 0; axis < 3; axis += 1) fraction[axis] = Math.min(1, Math.max(0, fraction[axis] ?? 0.5));
    this.nv.scene.crosshairPos = fraction;
    this.quiet = true;
    this.nv.createOnLocationChange();
    this.quiet = false;
    this.nv.drawScene();
  }

  get place(): Vector {
    const [x = 0, y = 0, z = 0] = [...this.nv.frac2mm(this.nv.scene.crosshairPos, 0, true)];
    return flip([x, y, z]);
  }

  slab(lps: Vector, orientation: Orientation, centre: Vector): Slab {
    return slab(this.affine, this.dims, lps, orientation, centre);
  }

  /** The grey levels of a slab as RGBA bytes, u fastest. */
  pixels({ axis, index, u, v }: Slab): { data: Uint8Array<ArrayBuffer>; width: number; height: number } {
    const dims = this.dims;
    const strides = [1, dims[0], dims[0] * dims[1]] as const;
    const [width, height] = [dims[u] ?? 1, dims[v] ?? 1];
    const { img, hdr } = this.volume;
    const { low, high } = this.levels;
    const slope = hdr?.scl_slope || 1;
    const data = new Uint8Array(width * height * 4);
    for (let y = 0; y < height; y += 1) {
      const base = index * (strides[axis] ?? 1) + y * (strides[v] ?? 1);
      for (let x = 0; x < width; x += 1) {
        const value = Number(img?.[base + x * (strides[u] ?? 1)] ?? 0) * slope + (hdr?.scl_inter ?? 0);
        const grey = Math.min(255, Math.max(0, (255 * (value - low)) / (high - low)));
        data.fill(grey, 4 * (y * width + x), 4 * (y * width + x) + 3);
        data[4 * (y * width + x) + 3] = grey < AIR ? 40 : 255;
      }
    }
    return { data, width, height };
  }

  private get volume(): NVImage {
    const [first] = this.nv.volumes;
    if (!first) throw new Error("No volume is open.");
    return first;
  }

  private get affine(): Matrix {
    return this.volume.hdr?.affine ?? [];
  }

  private get dims(): Vector {
    const [, x = 1, y = 1, z = 1] = this.volume.hdr?.dims ?? [];
    return [x, y, z];
  }

  private labelAt([x = 0, y = 0, z = 0]: ArrayLike<number> & Iterable<number>): number {
    const [, width = 1, height = 1] = this.volume.dimsRAS ?? [];
    return this.nv.drawBitmap?.[x + width * (y + height * z)] ?? 0;
  }

  private moved(location: Location): void {
    if (this.quiet) return;
    const [x = 0, y = 0, z = 0] = Array.from(location.mm);
    this.onMove({
      lps: flip([x, y, z]),
      label: this.labelAt(location.vox),
      value: location.values[0]?.value ?? 0,
    });
  }

  private readonly key = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    this.nv.moveCrosshairInVox(...step);
    this.nv.createOnLocationChange();
  };
}
