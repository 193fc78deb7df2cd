/** The slices of which the model is least sure, neighbours together: go there, or to the next ones by key. */
import { t } from "../core/language";
import type { Vector } from "../core/geometry";
import type { Confidence } from "../core/types";
import { orientationAlong, sliceNumber } from "../slices/grid";
import { PLANES } from "../slices/overlay";
import type { SliceView } from "../slices/view";

/** A longer list would be no help. */
const SHOWN = 8;

/** Neighbouring slices: from the first to the last by their numbers in the file, and the least sure of them. */
interface Run {
  first: number;
  last: number;
  worst: number;
}

export function Unsure({ confidence, view }: { confidence: Confidence; view: SliceView }) {
  const { axis, low, slices } = confidence;
  const at = indexOf(view, axis);
  return (
    <section aria-labelledby="unsure" class="unsure">
      <header class="panel-head">
        <h2 id="unsure">{low.length === 1 ? t("1 slice to look at") : t("{count} slices to look at", { count: low.length })}</h2>
      </header>
      <p class="muted inset">{t("The model is least sure of its outlines here. The number is the lowest Dice to expect.")}</p>
      <ul class="organ-list">
        {runsOf(low)
          .slice(0, SHOWN)
          .map((run) => {
            const here = at >= run.first && at <= run.last;
            return (
              <li key={run.first} class={`slice-row${here ? " chosen" : ""}`}>
                <div class="organ-line">
                  <button type="button" class="organ" aria-current={here} onClick={() => goToSlice(view, axis, run.worst)}>
                    <span class="name">{nameOf(view, axis, run)}</span>
                  </button>
                  <span class="volume">{(slices[run.worst] ?? 0).toFixed(2)}</span>
                </div>
              </li>
            );
          })}
      </ul>
    </section>
  );
}

/** Runs of neighbouring slices; `low` has the least sure first, and so have the runs. */
export function runsOf(low: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const index of [...low].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.last === index - 1) run.last = index;
    else runs.push({ first: index, last: index, worst: index });
  }
  for (const run of runs) run.worst = low.find((index) => index >= run.first && index <= run.last) ?? run.first;
  return runs.sort((a, b) => low.indexOf(a.worst) - low.indexOf(b.worst));
}

/** Goes to the next of these runs, after the last one to the first; returns whether there was one. */
export function nextUnsure(view: SliceView, { axis, low }: Confidence): boolean {
  const runs = runsOf(low);
  const at = indexOf(view, axis);
  const next = runs[(runs.findIndex(({ first, last }) => at >= first && at <= last) + 1) % runs.length];
  if (next === undefined) return false;
  goToSlice(view, axis, next.worst);
  return true;
}

function goToSlice(view: SliceView, axis: number, index: number): void {
  const orientation = orientationAlong(view.volume.affine, axis);
  view.active.value = orientation;
  if (view.layout.peek() !== "all") view.layout.value = orientation;
  const voxel: Vector = [...view.sight.peek().cross];
  voxel[axis] = index;
  view.goTo(voxel);
}

function indexOf(view: SliceView, axis: number): number {
  return Math.round(view.sight.value.cross[axis] ?? 0);
}

function nameOf(view: SliceView, axis: number, run: Run): string {
  const orientation = orientationAlong(view.volume.affine, axis);
  const plane = view.plane(orientation);
  const numbers = [run.first, run.last].map((index) => {
    const cross: Vector = [0, 0, 0];
    cross[axis] = index;
    return sliceNumber(view.volume, plane, cross).number;
  });
  const [from, to] = numbers.sort((a, b) => a - b) as [number, number];
  return t("{plane} {number}", { plane: t(PLANES[orientation]), number: from === to ? from : `${from}–${to}` });
}
