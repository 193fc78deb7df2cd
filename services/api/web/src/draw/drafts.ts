/** Strokes that are not saved yet, kept in this browser: a closed tab loses no work. */
import type { ShapeEdit } from "../core/types";
import { type Drawing, places, runs, type Stroke } from "./drawing";

const PREFIX = "viscera.drawing.";

interface Kept {
  revision: number;
  strokes: { edit: ShapeEdit | null; changes: { label: number; runs: [number, number][] }[] }[];
}

/** Keeps the strokes on a version of a job's outlines; none are kept where there are none, or where there is no room. */
export function keep(job: string, revision: number, drawing: Drawing): void {
  const strokes = drawing.strokes.map((stroke) => ({ edit: stroke.edit, changes: changesOf(stroke) }));
  try {
    if (strokes.length > 0) localStorage.setItem(PREFIX + job, JSON.stringify({ revision, strokes } satisfies Kept));
    else localStorage.removeItem(PREFIX + job);
  } catch {
    // The browser's store is full or closed: the drawing is still on the page.
  }
}

/** Makes the kept strokes again; those on another version are dropped. Returns whether there were some. */
export function restore(job: string, revision: number, drawing: Drawing): boolean {
  const kept = read(job);
  if (!kept || kept.revision !== revision) {
    forget(job);
    return false;
  }
  for (const { edit, changes } of kept.strokes) {
    const pairs = changes.flatMap(({ label, runs: some }) => [...places(some)].map((at): [number, number] => [at, label]));
    pairs.sort(([a], [b]) => a - b);
    drawing.change(Uint32Array.from(pairs, ([at]) => at), Uint8Array.from(pairs, ([, label]) => label), edit);
  }
  return drawing.strokes.length > 0;
}

function changesOf({ at, after }: Stroke): { label: number; runs: [number, number][] }[] {
  const labels = [...new Set(after)];
  return labels.map((label) => ({ label, runs: runs(at.filter((_, index) => after[index] === label)) }));
}

export function forget(job: string): void {
  localStorage.removeItem(PREFIX + job);
}

function read(job: string): Kept | null {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + job) ?? "null") as Kept | null;
    // An earlier version of the page kept strokes in another form.
    return kept?.strokes.every(({ changes }) => Array.isArray(changes)) ? kept : null;
  } catch {
    return null;
  }
}
