/** Two views of slices that follow each other: same place in the patient, same window, same picture. */
import { batch, effect, signal, untracked } from "@preact/signals";
import type { Vector } from "../core/geometry";
import type { SliceView } from "../slices/view";
import type { Volume } from "../slices/volume";
import type { Window } from "../slices/windows";

type Box = Pick<SliceView, "toVoxel"> & { middle: Vector; volume: Pick<Volume, "dims"> };

const plus = (a: Vector, b: Vector, sign: 1 | -1): Vector => [a[0] + sign * b[0], a[1] + sign * b[1], a[2] + sign * b[2]];

function has(view: Box, lps: Vector): boolean {
  return view.toVoxel(lps).every((part, axis) => part >= -0.5 && part <= (view.volume.dims[axis] ?? 0) - 0.5);
}

/**
 * What is added to a place in the first study to find it in the second, LPS mm: nothing where the middle of each scan
 * lies in the other one, else what brings both middles together.
 */
export function firstOffset(a: Box, b: Box): Vector {
  return has(b, a.middle) && has(a, b.middle) ? [0, 0, 0] : plus(b.middle, a.middle, -1);
}

/** A window in the numbers of another scan: those of a CT are the same everywhere, others are relative to its own range. */
export function windowFor(window: Window, from: Pick<Volume, "robust">, to: Pick<Volume, "robust">, areHounsfield: boolean): Window {
  if (areHounsfield) return window;
  const [low, high] = from.robust;
  const [least, most] = to.robust;
  const turn = (value: number): number => least + ((value - low) / (high - low)) * (most - least);
  return [turn(window[0]), turn(window[1])];
}

export class Link {
  readonly linked = signal(true);
  /** Which view the user acts on; the other one follows. */
  readonly leader = signal<0 | 1>(0);
  private readonly offset = signal<Vector>([0, 0, 0]);
  private readonly areHounsfield: boolean;
  private readonly end: () => void;

  constructor(private readonly views: [SliceView, SliceView]) {
    const [a, b] = views;
    this.offset.value = firstOffset(a, b);
    this.areHounsfield = views.every(({ state }) => state.report.modality === "CT");
    this.end = effect(() => this.follow());
  }

  get leading(): SliceView {
    return this.views[this.leader.value];
  }

  /** mm by which the second study is shifted against the first. */
  get shift(): number {
    return Math.hypot(...this.offset.value);
  }

  /** From now on the places that both views show belong together. */
  linkHere(): void {
    const [a, b] = this.views.map((view) => view.toPatient(view.sight.peek().cross)) as [Vector, Vector];
    this.offset.value = plus(b, a, -1);
    this.linked.value = true;
  }

  close(): void {
    this.end();
  }

  private follow(): void {
    if (!this.linked.value) return;
    const [from, to] = this.leader.value === 0 ? this.views : ([...this.views].reverse() as [SliceView, SliceView]);
    const turn = (lps: Vector): Vector => plus(lps, this.offset.value, this.leader.value === 0 ? 1 : -1);
    const { cross } = from.sight.value;
    const [window, zoom, centre] = [from.state.window.value, from.zoom.value, from.centre.value];
    const same = { layout: from.layout.value, tool: from.tool.value, outlines: from.outlines.value, fill: from.fill.value, active: from.active.value };
    const copy = (): void => {
      to.goTo(to.toVoxel(turn(from.toPatient(cross))));
      if (window) to.state.window.value = windowFor(window, from.volume, to.volume, this.areHounsfield);
      to.layout.value = same.layout;
      to.tool.value = same.tool;
      to.outlines.value = same.outlines;
      to.fill.value = same.fill;
      to.active.value = same.active;
      to.fit();
      if (zoom > 1) {
        to.zoom.value = zoom;
        to.centre.value = to.toVoxel(turn(from.toPatient(centre)));
      }
    };
    untracked(() => batch(copy));
  }
}
