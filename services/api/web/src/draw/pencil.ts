/** Brush, eraser and lasso on the outlines of one version: what a pointer or key does, and what is not saved yet. */
import { signal } from "@preact/signals";
import type { Orientation, Vector } from "../core/geometry";
import type { LabelEdit, ShapeEdit } from "../core/types";
import { type DrawTool, type Hand, isDrawTool, type SliceView } from "../slices/view";
import type { Window } from "../slices/windows";
import { forget, keep, restore } from "./drafts";
import { Drawing, type Stroke } from "./drawing";
import { type Axis, type LabelGrid } from "./parts";
import { seeds } from "./seeds";
import { brushed, inside } from "./shapes";

/** Radii of the brush in mm. */
export const [SMALLEST, LARGEST] = [0.5, 60];
/** The radius of a pen that is hardly pressed, as a part of the chosen one. */
const LIGHT = 0.3;
/** Voxels that a point of a loop is apart from the one before it at least. */
const STEP = 0.4;

/** The part of the brush under whose middle values are looked at. */
const SAMPLE = 1 / 3;

/** Which voxels a stroke changes: all, those that look like the place where it begins, or those of the window. */
export type Values = "all" | "pointer" | "window";

export class Pencil implements Hand {
  readonly radius = signal(6);
  /** The label that the brush and the lasso give. */
  readonly label = signal(0);
  readonly values = signal<Values>("all");
  /** The least and the most value that a stroke changes; null where all are changed, or before it begins. */
  readonly range = signal<Window | null>(null);
  /** Whether nothing may be drawn, because the service works on the outlines. */
  readonly isLocked = signal(false);
  /** Grows with each change of the drawing. */
  readonly changes = signal(0);
  /** The loop that is being drawn. */
  readonly loop = signal<{ orientation: Orientation; points: Vector[] } | null>(null);
  /** Where a circle shows the size of the brush. */
  readonly cursor = signal<{ orientation: Orientation; at: Vector } | null>(null);
  private readonly drawing: Drawing;
  private stroke: { tool: DrawTool; orientation: Orientation; from: Vector } | null = null;

  /** `labels` are those that the view shows; they are changed in place. Organ and size are those of an earlier one. */
  constructor(
    private readonly job: string,
    private readonly view: SliceView,
    labels: Uint8Array,
    earlier: Pencil | null = null,
  ) {
    this.drawing = new Drawing(labels);
    const { state } = view;
    const selected = state.organs.find(({ name }) => name === state.selected.peek()) ?? state.organs[0];
    this.label.value = earlier?.label.peek() ?? selected?.label ?? 1;
    this.radius.value = earlier?.radius.peek() ?? this.radius.peek();
    this.values.value = earlier?.values.peek() ?? "all";
  }

  /** Shows what was drawn on this version earlier and not saved; returns whether there was something. */
  restore(): boolean {
    const found = restore(this.job, this.view.state.revision, this.drawing);
    for (const { at } of this.drawing.strokes) this.view.showLabels(at);
    if (found) this.changes.value += 1;
    return found;
  }

  get isEmpty(): boolean {
    return this.drawing.strokes.length === 0;
  }

  get canRedo(): boolean {
    return this.drawing.canRedo;
  }

  /** Millilitres that a label gained by what is not saved yet. */
  gained(label: number): number {
    return this.millilitres(this.drawing.gained(label));
  }

  private millilitres(voxels: number): number {
    const { spacing } = this.view.volume;
    return (voxels * spacing[0] * spacing[1] * spacing[2]) / 1000;
  }

  edits(): LabelEdit[] {
    return this.drawing.edits();
  }

  /** The labels whose voxels the drawing changed. */
  get changedLabels(): number[] {
    return this.drawing.changedLabels;
  }

  get grid(): LabelGrid {
    return { labels: this.drawing.labels, dims: this.view.volume.dims };
  }

  /** Shows the label map that an edit made, as one stroke; returns the millilitres that changed. */
  become(labels: Uint8Array, edit: ShapeEdit): number {
    const count = this.drawing.become(labels, edit);
    const last = this.drawing.strokes.at(-1);
    if (count > 0 && last) this.shown(last);
    return this.millilitres(count);
  }

  /** A voxel of each part that was drawn by hand, in the slices along an axis, for the organ that is chosen. */
  partSeeds(axis: Axis): Vector[] {
    return seeds(this.grid, this.drawing.strokes, this.label.peek(), axis);
  }

  down(orientation: Orientation, voxel: Vector, pressure: number): void {
    const tool = this.view.tool.peek();
    if (!isDrawTool(tool) || this.isLocked.peek()) return;
    this.stroke = { tool, orientation, from: voxel };
    this.range.value = this.rangeAt(orientation, voxel);
    this.drawing.begin(tool === "erase" ? 0 : this.label.peek());
    if (tool === "lasso") this.loop.value = { orientation, points: [voxel] };
    else this.brush(voxel, pressure);
  }

  move(voxel: Vector, pressure: number): void {
    if (!this.stroke) return;
    this.cursor.value = { orientation: this.stroke.orientation, at: voxel };
    const loop = this.loop.peek();
    if (!loop) this.brush(voxel, pressure);
    else if (far(loop.points.at(-1), voxel)) this.loop.value = { ...loop, points: [...loop.points, voxel] };
  }

  up(): void {
    const loop = this.loop.peek();
    if (this.stroke && loop) this.put(inside(this.view.volume, this.view.plane(loop.orientation), loop.points));
    this.end();
  }

  cancel(): void {
    if (!this.stroke) return;
    this.loop.value = null;
    const before = this.drawing.strokes.length;
    this.end();
    if (this.drawing.strokes.length > before) this.undo();
  }

  hover(orientation: Orientation, voxel: Vector | null): void {
    this.cursor.value = voxel && { orientation, at: voxel };
    if (voxel && this.values.peek() === "pointer") this.range.value = this.rangeAt(orientation, voxel);
  }

  /** The values that a stroke which begins at a voxel changes. */
  private rangeAt(orientation: Orientation, voxel: Vector): Window | null {
    if (this.values.peek() === "all") return null;
    if (this.values.peek() === "window") return this.view.state.window.peek() ?? this.view.standard;
    const near = brushed(this.view.volume, this.view.plane(orientation), voxel, voxel, this.radius.peek() * SAMPLE);
    const values = near.map((at) => this.view.valueOf(at));
    return [Math.min(...values), Math.max(...values)];
  }

  /** Draws once at the crosshair, in the view that keys act on. */
  dab(): void {
    const voxel = this.view.sight.peek().cross;
    this.down(this.view.active.peek(), voxel, 1);
    this.up();
  }

  resize(factor: number): void {
    this.radius.value = Math.min(LARGEST, Math.max(SMALLEST, Math.round(this.radius.peek() * factor * 4) / 4));
  }

  undo(): void {
    if (!this.isLocked.peek()) this.shown(this.drawing.undo());
  }

  redo(): void {
    if (!this.isLocked.peek()) this.shown(this.drawing.redo());
  }

  discard(): void {
    while (!this.isEmpty && !this.isLocked.peek()) this.undo();
  }

  /** Forgets what this browser keeps of the drawing: the server has it. */
  saved(): void {
    forget(this.job);
  }

  private brush(voxel: Vector, pressure: number): void {
    if (!this.stroke) return;
    const radius = this.radius.peek() * (LIGHT + (1 - LIGHT) * pressure);
    this.put(brushed(this.view.volume, this.view.plane(this.stroke.orientation), this.stroke.from, voxel, radius));
    this.stroke.from = voxel;
  }

  private put(offsets: number[]): void {
    const range = this.range.peek();
    const chosen = range ? offsets.filter((at) => isWithin(this.view.valueOf(at), range)) : offsets;
    this.view.showLabels(this.drawing.put(chosen));
  }

  private end(): void {
    this.drawing.end();
    this.stroke = null;
    this.loop.value = null;
    this.changed();
  }

  private shown(stroke: Stroke | null): void {
    if (!stroke) return;
    this.view.showLabels(stroke.at);
    this.changed();
  }

  private changed(): void {
    this.changes.value += 1;
    keep(this.job, this.view.state.revision, this.drawing);
  }
}

function isWithin(value: number, [least, most]: Window): boolean {
  return value >= least && value <= most;
}

function far(from: Vector | undefined, to: Vector): boolean {
  return !from || Math.hypot(...from.map((part, axis) => part - (to[axis] ?? 0))) >= STEP;
}
