/** Strokes that are not saved yet, kept in this browser: a closed tab loses no work. */
import { type Drawing, places, runs } from "./drawing";

const PREFIX = "viscera.drawing.";

interface Kept {
  revision: number;
  strokes: { label: number; runs: [number, number][] }[];
}

/** Keeps the strokes on a version of a job's outlines; none are kept where there are none, or where there is no room. */
export function keep(job: string, revision: number, drawing: Drawing): void {
  const strokes = drawing.strokes.map(({ label, at }) => ({ label, runs: runs(at) }));
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
  for (const stroke of kept.strokes) {
    drawing.begin(stroke.label);
    drawing.put(places(stroke.runs));
    drawing.end();
  }
  return drawing.strokes.length > 0;
}

export function forget(job: string): void {
  localStorage.removeItem(PREFIX + job);
}

function read(job: string): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + job) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}
