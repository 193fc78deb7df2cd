/** What the corrections of a result need that has no page: which one can be taken back, where a menu stands, what is said. */
import type { Vector } from "../core/geometry";
import type { Revision } from "../core/types";

/** A correction made on this page: the version it made, and the one before it. */
export interface Step {
  made: number;
  before: number;
}

/** The correction that can be taken back: the last one, while nothing newer is there. */
export function last(steps: readonly Step[], newest: number): Step | null {
  const step = steps.at(-1);
  return step?.made === newest ? step : null;
}

/** The corrections left after the last was taken back, which made the version `made`, equal to the one before it. */
export function takenBack(steps: readonly Step[], made: number): Step[] {
  const before = steps.at(-1)?.before;
  return steps.slice(0, -1).map((step) => (step.made === before ? { ...step, made } : step));
}

/** The versions that can be looked at, newest first; those that could not be written are none. */
export function versions(revisions: readonly Revision[]): Revision[] {
  return revisions.filter(({ state }) => state !== "failed").reverse();
}

/** The files of a version; the scan itself has none. `links` are those of the job, whose files are of the newest version. */
export function filesOf(links: Record<string, string>, revision: Revision | undefined): Record<string, string> {
  const scan = links[SCAN];
  return revision ? { ...revision.links, ...(scan ? { [SCAN]: scan } : {}) } : links;
}

const SCAN = "volume.nii.gz";

/** The end of a key's id, which is too long to read; null for a person. */
export function keyEnd(who: string): string | null {
  return /^key_[0-9a-f]{12,}$/.test(who) ? who.slice(-6) : null;
}

/** Whether a part can be limited to one slice of the file in a view through this voxel axis: those are along the third. */
export function hasSlice(axis: number): boolean {
  return axis === 2;
}

/** Where a panel beside a point stands inside its stage: right of it and below, else as far as there is room. */
export function placed(point: readonly [number, number], panel: readonly [number, number], stage: readonly [number, number]): [number, number] {
  const along = (axis: 0 | 1): number => Math.max(GAP, Math.min(point[axis] + GAP, stage[axis] - panel[axis] - GAP));
  return [along(0), along(1)];
}

const GAP = 8;

/** The edit that gives the connected part at a voxel (column, row, slice of the file) another label. */
export function relabel(at: Vector, label: number, inSlice: boolean) {
  return { kind: "relabel" as const, at, label, in_slice: inSlice };
}
