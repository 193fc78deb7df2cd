/** Changes of a label map by hand, each of which can be taken back. */
import type { PaintEdit } from "../core/types";

/** One stroke: the voxels that it changed, what they were before, and the label that they have now. */
export interface Stroke {
  label: number;
  at: Uint32Array;
  before: Uint8Array;
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
    this.done.push({ label: stroke.label, at, before: Uint8Array.from(at, (one) => stroke.before.get(one) ?? 0) });
    this.undone = [];
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
    stroke.at.forEach((at) => this.set(at, stroke.label));
    this.done.push(stroke);
    return stroke;
  }

  /** What the server must do for the same label map; nothing where all strokes together changed nothing. */
  edits(): PaintEdit[] {
    const first = new Map<number, number>();
    for (const { at, before } of this.done) at.forEach((one, index) => !first.has(one) && first.set(one, before[index] ?? 0));
    const byLabel = new Map<number, number[]>();
    for (const [at, before] of first) {
      const now = this.labels[at] ?? 0;
      if (now === before) continue;
      const same = byLabel.get(now);
      if (same) same.push(at);
      else byLabel.set(now, [at]);
    }
    return [...byLabel].flatMap(([label, at]) => parts(runs(Uint32Array.from(at).sort()), MOST_RUNS).map((some) => ({ kind: "paint" as const, label, runs: some })));
  }

  private set(at: number, label: number): void {
    const old = this.labels[at] ?? 0;
    this.labels[at] = label;
    this.gains.set(old, this.gained(old) - 1);
    this.gains.set(label, this.gained(label) + 1);
  }
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
