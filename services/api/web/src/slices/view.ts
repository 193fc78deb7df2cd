/** The slices of a result: what is shown of which part, and the acts that change it. Labels may come later. */
import { computed, effect, signal } from "@preact/signals";
import { apply, flip, type Orientation, slab, type Slab, unapply, type Vector } from "../core/geometry";
import { newId } from "../core/ids";
import type { Report } from "../core/types";
import type { ResultState } from "../job/state";
import { Drawer } from "./draw";
import { fitScale, planeOf, type Sight, sliceNumber, type Tile, tiles, toPixel, toVoxel } from "./grid";
import { type Draft, extentOf, type Mark, type MarkKind, shapeOf } from "./marks";
import { offset, readVolume, valueAt, type Volume } from "./volume";
import { dragged, presets, type Window, windowOf } from "./windows";

export type Layout = Orientation | "all";
export type DrawTool = "brush" | "erase" | "lasso";
export type ToolName = "point" | "window" | "pan" | "zoom" | "correct" | DrawTool | MarkKind;
/** What draws on the outlines while a tool for that is chosen. */
export interface Hand {
  down: (orientation: Orientation, voxel: Vector, pressure: number) => void;
  move: (voxel: Vector, pressure: number) => void;
  up: () => void;
  /** Ends a stroke as if it had not begun. */
  cancel: () => void;
  /** Draws once at the crosshair. */
  dab: () => void;
  resize: (factor: number) => void;
  /** Where the pointer is while it does not draw; null outside the slices. */
  hover: (orientation: Orientation, voxel: Vector | null) => void;
}

export function isDrawTool(tool: string): tool is DrawTool {
  return tool === "brush" || tool === "erase" || tool === "lasso";
}
export interface Asked {
  /** Column, row and slice in the file. */
  at: Vector;
  label: number;
  orientation: Orientation;
}
/** Grey levels below this are air, through which the model is seen. */
const AIR = 14;
const CINE_MS = 90;
const [NEAREST, FARTHEST] = [1, 16];
/** Voxels that a measurement spans at least. */
const LEAST_EXTENT = 0.5;

export class SliceView {
  readonly layout = signal<Layout>("all");
  readonly tool = signal<ToolName>("point");
  /** How strongly organs are tinted inside their outlines, 0 to 1. */
  readonly fill = signal(0.25);
  readonly outlines = signal(true);
  readonly marks = signal<Mark[]>([]);
  /** The mark that is being drawn. */
  readonly draft = signal<Draft | null>(null);
  /** The part whose organ is asked for. */
  readonly asked = signal<Asked | null>(null);
  readonly cine = signal(false);
  readonly zoom = signal(1);
  readonly centre = signal<Vector>([0, 0, 0]);
  readonly size = signal<[number, number]>([0, 0]);
  /** The orientation that keys and cine act on: the one pointed at last. */
  readonly active = signal<Orientation>("axial");
  readonly tiles = computed(() => tiles(this.layout.value, ...this.size.value));
  readonly sight = computed((): Sight => ({ centre: this.centre.value, cross: this.cross.value, zoom: this.zoom.value }));
  private readonly cross = computed((): Vector => this.toVoxel(this.state.place.value ?? this.middle));
  hand: Hand | null = null;
  private labels: Volume["data"] | null = null;
  private readonly drawer: Drawer;
  private readonly observer: ResizeObserver;
  private readonly ends: (() => void)[];
  private timer = 0;
  private due = 0;

  static async open(canvas: HTMLCanvasElement, bytes: ArrayBuffer, state: ResultState): Promise<SliceView> {
    return new SliceView(canvas, await readVolume(bytes), state);
  }

  constructor(
    canvas: HTMLCanvasElement,
    readonly volume: Volume,
    readonly state: ResultState,
  ) {
    this.drawer = new Drawer(canvas, volume);
    this.centre.value = this.middleVoxel;
    state.place.value ??= this.middle;
    state.window.value ??= this.standard;
    const resize = (): void => {
      const { clientWidth, clientHeight } = canvas.parentElement ?? canvas;
      if (!clientWidth || !clientHeight) return;
      this.drawer.resize(clientWidth, clientHeight);
      this.size.value = [clientWidth, clientHeight];
    };
    this.observer = new ResizeObserver(resize);
    this.observer.observe(canvas.parentElement ?? canvas);
    resize();
    this.ends = [effect(() => this.paint()), effect(() => this.play())];
  }

  /** The label map on the volume's grid, NIfTI; may be called again with another one and its report. */
  async setLabels(bytes: ArrayBuffer, report?: Report): Promise<void> {
    const { data, dims } = await readVolume(bytes);
    if (dims.some((count, axis) => count !== this.volume.dims[axis])) throw new Error("The outlines belong to another scan.");
    this.labels = data;
    if (report) this.state.update(report);
    this.drawer.setLabels(data, this.state.organs);
    this.invalidate();
  }

  /** The label map, one byte a voxel; whoever changes some calls `showLabels`. */
  get labelBytes(): Uint8Array | null {
    return this.labels instanceof Uint8Array ? this.labels : null;
  }

  /** Shows labels that changed at these places of the label map. */
  showLabels(at: ArrayLike<number>): void {
    if (!this.labels || at.length === 0) return;
    const { dims } = this.volume;
    const [low, high]: [Vector, Vector] = [[...dims], [0, 0, 0]];
    for (let index = 0; index < at.length; index += 1) {
      const place = at[index] ?? 0;
      const voxel = [place % dims[0], Math.floor(place / dims[0]) % dims[1], Math.floor(place / (dims[0] * dims[1]))];
      for (const axis of [0, 1, 2] as const) {
        low[axis] = Math.min(low[axis], voxel[axis] ?? 0);
        high[axis] = Math.max(high[axis], voxel[axis] ?? 0);
      }
    }
    this.drawer.update(this.labels, low, high);
    this.invalidate();
  }

  close(): void {
    window.clearInterval(this.timer);
    cancelAnimationFrame(this.due);
    this.observer.disconnect();
    for (const end of this.ends) end();
    this.drawer.close();
  }

  /** Whether the scan is shown coarser than it is. */
  get coarse(): boolean {
    return this.drawer.stride.some((step) => step > 1);
  }

  get range(): number {
    return this.volume.most - this.volume.least;
  }

  plane(orientation: Orientation) {
    return planeOf(this.volume.affine, orientation);
  }

  number(orientation: Orientation): { number: number; count: number } {
    return sliceNumber(this.volume, this.plane(orientation), this.sight.value.cross);
  }

  scale(tile: Tile): number {
    return fitScale(this.volume, this.plane(tile.orientation), tile) * this.zoom.value;
  }

  tileAt(x: number, y: number): Tile | null {
    const inside = (tile: Tile): boolean => x >= tile.x && y >= tile.y && x < tile.x + tile.width && y < tile.y + tile.height;
    return this.tiles.value.find(inside) ?? null;
  }

  /** The voxel under a point of the canvas. */
  voxelAt(tile: Tile, x: number, y: number): Vector {
    return toVoxel(this.volume, this.plane(tile.orientation), tile, this.sight.value, x - tile.x, y - tile.y);
  }

  pixelOf(tile: Tile, voxel: Vector): [number, number] {
    const [x, y] = toPixel(this.volume, this.plane(tile.orientation), tile, this.sight.value, voxel);
    return [x + tile.x, y + tile.y];
  }

  toVoxel(lps: Vector): Vector {
    return unapply(this.volume.affine, flip(lps));
  }

  toPatient(voxel: Vector): Vector {
    return flip(apply(this.volume.affine, voxel));
  }

  /** Moves the crosshair to a voxel and chooses the organ there. */
  goTo(voxel: Vector): void {
    const inside = voxel.map((part, axis) => Math.min((this.volume.dims[axis] ?? 1) - 1, Math.max(0, part))) as Vector;
    this.state.place.value = this.toPatient(inside);
    const organ = this.state.byLabel(this.labelAt(inside));
    if (organ) this.state.selected.value = organ.name;
  }

  /** Steps through the slices of an orientation; positive goes to the feet, the back, the patient's left. */
  step(orientation: Orientation, count: number): void {
    const { axis, sign } = this.plane(orientation).through;
    const voxel: Vector = [...this.sight.value.cross];
    voxel[axis] = Math.round(voxel[axis]) + sign * count;
    this.goTo(voxel);
  }

  labelAt(voxel: Vector): number {
    const at = offset(this.volume, voxel);
    return at < 0 ? 0 : (this.labels?.[at] ?? 0);
  }

  valueAt(voxel: Vector): number | null {
    return valueAt(this.volume, voxel);
  }

  /** The value at a place of the scan's numbers. */
  valueOf(at: number): number {
    return (this.volume.data[at] ?? 0) * this.volume.slope + this.volume.intercept;
  }

  /** The window that fits the kind of scan. */
  get standard(): Window {
    const [first] = presets(this.state.report.modality);
    return first ? windowOf(first) : this.volume.robust;
  }

  drag(right: number, down: number): void {
    const now = this.state.window.value ?? this.standard;
    this.state.window.value = dragged(now, right, down, this.range, Math.min(...this.size.value));
  }

  /** Zooms about a point of the canvas, or about the crosshair. */
  zoomBy(factor: number, tile: Tile | null = null, x = 0, y = 0): void {
    const before = this.zoom.value;
    const after = Math.min(FARTHEST, Math.max(NEAREST, before * factor));
    const hold = tile ? this.voxelAt(tile, x, y) : this.sight.value.cross;
    const part = before / after;
    const mix = (axis: 0 | 1 | 2): number => hold[axis] + (this.centre.value[axis] - hold[axis]) * part;
    const through = tile ? this.plane(tile.orientation).through.axis : -1;
    this.centre.value = ([0, 1, 2] as const).map((axis) => (axis === through ? this.centre.value[axis] : mix(axis))) as Vector;
    this.zoom.value = after;
    if (after === NEAREST) this.centre.value = this.middleVoxel;
  }

  /** Moves the picture of a tile by pixels. */
  pan(tile: Tile, right: number, down: number): void {
    const from = this.voxelAt(tile, 0, 0);
    const to = this.voxelAt(tile, right, down);
    const { through } = this.plane(tile.orientation);
    this.centre.value = this.centre.value.map((part, axis) => (axis === through.axis ? part : part - (to[axis] ?? 0) + (from[axis] ?? 0))) as Vector;
  }

  fit(): void {
    this.zoom.value = 1;
    this.centre.value = this.middleVoxel;
  }

  begin(kind: MarkKind, orientation: Orientation, from: Vector): void {
    this.draft.value = { kind, orientation, points: [from, from] };
    if (kind === "probe") this.finish();
  }

  /** Moves the open point of what is drawn. */
  stretch(to: Vector): void {
    const draft = this.draft.value;
    if (draft) this.draft.value = { ...draft, points: [...draft.points.slice(0, -1), to] };
  }

  /** Sets the open point. An angle continues with its second leg; a mark without an extent is dropped, an angle's leg waits. */
  finish(): void {
    const draft = this.draft.value;
    if (!draft) return;
    const [open, before] = [draft.points.at(-1), draft.points.at(-2)] as [Vector, Vector];
    const has = extentOf({ ...draft, points: [before, open] }) > LEAST_EXTENT;
    if (draft.kind === "angle" && !has) return;
    if (draft.kind === "angle" && draft.points.length === 2) {
      this.draft.value = { ...draft, points: [...draft.points, open] };
      return;
    }
    this.draft.value = null;
    const mark = { ...shapeOf(this.volume, draft), id: newId(), label: "", own: true };
    if (draft.kind === "probe" || has) this.marks.value = [...this.marks.value, mark];
  }

  remove(id: string): void {
    this.marks.value = this.marks.value.filter((mark) => mark.id !== id);
  }

  rename(id: string, label: string): void {
    this.marks.value = this.marks.value.map((mark) => (mark.id === id ? { ...mark, label } : mark));
  }

  /** Asks which organ the part at a voxel is; where there is none, nothing is asked. */
  ask(orientation: Orientation, voxel: Vector): void {
    this.goTo(voxel);
    const at = voxel.map(Math.round) as Vector;
    const label = this.labelAt(at);
    this.asked.value = label > 0 ? { at, label, orientation } : null;
  }

  slab(lps: Vector, orientation: Orientation, centre: Vector): Slab {
    return slab(this.volume.affine, this.volume.dims, lps, orientation, centre);
  }

  /** The grey levels of a slab as RGBA bytes, u fastest. */
  pixels({ axis, index, u, v }: Slab): { data: Uint8Array<ArrayBuffer>; width: number; height: number } {
    const { dims, data: values, slope, intercept } = this.volume;
    const strides = [1, dims[0], dims[0] * dims[1]] as const;
    const [width, height] = [dims[u] ?? 1, dims[v] ?? 1];
    const [low, high] = this.state.window.value ?? this.standard;
    const data = new Uint8Array(width * height * 4);
    for (let y = 0; y < height; y += 1) {
      const base = index * (strides[axis] ?? 1) + y * (strides[v] ?? 1);
      for (let x = 0; x < width; x += 1) {
        const value = (values[base + x * (strides[u] ?? 1)] ?? 0) * slope + intercept;
        const grey = Math.min(255, Math.max(0, (255 * (value - low)) / (high - low)));
        data.fill(grey, 4 * (y * width + x), 4 * (y * width + x) + 3);
        data[4 * (y * width + x) + 3] = grey < AIR ? 0 : 255;
      }
    }
    return { data, width, height };
  }

  private get middleVoxel(): Vector {
    return this.volume.dims.map((count) => (count - 1) / 2) as Vector;
  }

  /** The voxel in the middle of the scan, in the patient. */
  get middle(): Vector {
    return this.toPatient(this.middleVoxel.map(Math.round) as Vector);
  }

  private paint(): void {
    const { organs, selected } = this.state;
    this.drawer.setPalette(this.outlines.value ? organs : [], this.fill.value, selected.value);
    // Read here, so that a change of any of them draws again.
    void [this.tiles.value, this.sight.value, this.state.window.value];
    this.invalidate();
  }

  private play(): void {
    window.clearInterval(this.timer);
    if (!this.cine.value) return;
    this.timer = window.setInterval(() => {
      const { number, count } = this.number(this.active.peek());
      this.step(this.active.peek(), number === count ? 1 - count : 1);
    }, CINE_MS);
  }

  private invalidate(): void {
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      const window = this.state.window.peek() ?? this.standard;
      this.drawer.draw(this.tiles.peek(), this.sight.peek(), window, this.size.peek()[1]);
    });
  }
}
