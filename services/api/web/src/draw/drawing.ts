/** Changes of a label map by hand, each of which can be taken back. */
import type { PaintEdit, ShapeEdit } from "../core/types";

/** One stroke: the voxels that it changed, what they were before and after it. */
export interface Stroke {
  at: Uint32Array;
  before: Uint8Array;
  after: Uint8Array;
  /** What the server must do for the same change; null for a stroke by hand. */
  edit: ShapeEdit | null;
}

/** Runs of one edit at most; the server takes a few more. */
const MOST_RUNS = 60_000;

export class Drawing {
  private done: Stroke[] = [];
  private undone: Stroke[] = [];
  private open: { label: number; before: Map<number, number> } | null = null;
  /** Voxels that each label gained; lost ones are negative. */
  private readonly gains = new Map<number, number>();

  /** `labels` are changed in place. */
  constructor(readonly labels: Uint8Array) {}

  get strokes(): readonly Stroke[] {
    return this.done;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  gained(label: number): number {
    return this.gains.get(label) ?? 0;
  }

  begin(label: number): void {
    this.open = { label, before: new Map() };
  }

  /** Gives voxels the label of the stroke; returns those that had another one. */
  put(offsets: Iterable<number>): number[] {
    const changed: number[] = [];
    if (!this.open) return changed;
    const { label, before } = this.open;
    for (const at of offsets) {
      const old = this.labels[at];
      if (old === undefined || old === label) continue;
      before.set(at, old);
      this.set(at, label);
      changed.push(at);
    }
    return changed;
  }

  /** Ends the stroke; one that changed nothing is none. */
  end(): void {
    const stroke = this.open;
    this.open = null;
    if (!stroke || stroke.before.size === 0) return;
    const at = Uint32Array.from(stroke.before.keys()).sort();
    const before = Uint8Array.from(at, (one) => stroke.before.get(one) ?? 0);
    this.add({ at, before, after: new Uint8Array(at.length).fill(stroke.label), edit: null });
  }

  /** Makes the label map equal to another one, as one stroke; returns the number of voxels that changed. */
  become(labels: Uint8Array, edit: ShapeEdit): number {
    const changed: number[] = [];
    for (let at = 0; at < labels.length; at += 1) if (labels[at] !== this.labels[at]) changed.push(at);
    return this.change(Uint32Array.from(changed), Uint8Array.from(changed, (at) => labels[at] ?? 0), edit);
  }

  /** Gives places their labels, as one stroke; returns their number. */
  change(at: Uint32Array, after: Uint8Array, edit: ShapeEdit | null): number {
    const before = Uint8Array.from(at, (one) => this.labels[one] ?? 0);
    at.forEach((one, index) => this.set(one, after[index] ?? 0));
    if (at.length > 0) this.add({ at, before, after, edit });
    return at.length;
  }

  /** Takes the last stroke back and returns it. */
  undo(): Stroke | null {
    this.end();
    const stroke = this.done.pop();
    if (!stroke) return null;
    stroke.at.forEach((at, index) => this.set(at, stroke.before[index] ?? 0));
    this.undone.push(stroke);
    return stroke;
  }

  /** Makes the stroke again that was taken back last, and returns it. */
  redo(): Stroke | null {
    const stroke = this.undone.pop();
    if (!stroke) return null;
    stroke.at.forEach((at, index) => this.set(at, stroke.after[index] ?? 0));
    this.done.push(stroke);
    return stroke;
  }

  /** The labels that have other voxels than at the beginning. */
  get changedLabels(): number[] {
    return [...this.gains.keys()].filter((label) => label > 0 && this.done.some(({ before, after }) => before.includes(label) || after.includes(label)));
  }

  /** What the server must do for the same label map, in order; strokes that together changed nothing are left out. */
  edits(): (PaintEdit | ShapeEdit)[] {
    const edits: (PaintEdit | ShapeEdit)[] = [];
    let byHand: Stroke[] = [];
    for (const stroke of this.done) {
      if (!stroke.edit) byHand.push(stroke);
      else {
        edits.push(...paintEdits(byHand), stroke.edit);
        byHand = [];
      }
    }
    return [...edits, ...paintEdits(byHand)];
  }

  private add(stroke: Stroke): void {
    this.done.push(stroke);
    this.undone = [];
  }

  private set(at: number, label: number): void {
    const old = this.labels[at] ?? 0;
    this.labels[at] = label;
    this.gains.set(old, this.gained(old) - 1);
    this.gains.set(label, this.gained(label) + 1);
  }
}

/** The edits of strokes that follow each other. */
function paintEdits(strokes: readonly Stroke[]): PaintEdit[] {
  const [first, last] = [new Map<number, number>(), new Map<number, number>()];
  for (const { at, before, after } of strokes) {
    at.forEach((one, index) => {
      if (!first.has(one)) first.set(one, before[index] ?? 0);
      last.set(one, after[index] ?? 0);
    });
  }
  const byLabel = new Map<number, number[]>();
  for (const [at, label] of last) {
    if (label === first.get(at)) continue;
    const same = byLabel.get(label);
    if (same) same.push(at);
    else byLabel.set(label, [at]);
  }
  return [...byLabel].flatMap(([label, at]) => parts(runs(Uint32Array.from(at).sort()), MOST_RUNS).map((some) => ({ kind: "paint" as const, label, runs: some })));
}

/** Sorted places as runs (start, length). */
export function runs(at: Uint32Array): [number, number][] {
  const found: [number, number][] = [];
  for (const one of at) {
    const last = found.at(-1);
    if (last && last[0] + last[1] === one) last[1] += 1;
    else found.push([one, 1]);
  }
  return found;
}

/** The places of runs. */
export function* places(of: readonly (readonly [number, number])[]): Generator<number> {
  for (const [start, length] of of) for (let at = start; at < start + length; at += 1) yield at;
}

function parts<T>(items: T[], most: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / most) }, (_, part) => items.slice(part * most, (part + 1) * most));
}
