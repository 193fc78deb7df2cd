/** The keys of a result as a whole; those of the slices are in `slices/keys`. */
import { batch } from "@preact/signals";
import type { Vector } from "../core/geometry";
import { REVIEW_KEYS } from "../core/review";
import type { Review } from "../core/types";
import type { SliceView } from "../slices/view";
import type { OrganState, ResultState } from "./state";

export interface ResultActs {
  help: () => void;
  report: () => void;
  send: () => void;
  compare: () => void;
  review: (review: Review) => void;
  unsure: () => void;
}

/** Whether the key meant something here. */
export function resultKey(key: string, acts: ResultActs, state: ResultState, slices: SliceView | null): boolean {
  const review = REVIEW_KEYS[key];
  if (review) acts.review(review);
  else if (key === "?") acts.help();
  else if (key === "d") acts.report();
  else if (key === "t") acts.send();
  else if (key === "b") acts.compare();
  else if (key === "m") nextWarning(state);
  else if (key === "9") acts.unsure();
  else if (key === "i") isolate(state, slices);
  else return false;
  return true;
}

/** Organs with warnings, the one with most of them first, of several the largest. */
export function warned(organs: readonly OrganState[]): OrganState[] {
  return organs
    .filter(({ report }) => report.warnings.length > 0)
    .sort((a, b) => b.report.warnings.length - a.report.warnings.length || b.report.volume_ml - a.report.volume_ml);
}

/** Selects the next organ with a warning and goes to its middle; after the last one comes the first. */
export function nextWarning(state: ResultState): void {
  const organs = warned(state.organs);
  const organ = organs[(organs.findIndex(({ name }) => name === state.selected.peek()) + 1) % organs.length];
  if (!organ) return;
  const box = organ.report.bounding_box_lps_mm;
  batch(() => {
    state.selected.value = organ.name;
    if (box) state.place.value = box[0].map((low, axis) => (low + (box[1][axis] ?? low)) / 2) as Vector;
  });
}

/** Shows the selected organ alone, else the one at the crosshair; a second time shows all. */
function isolate(state: ResultState, slices: SliceView | null): void {
  const place = state.place.peek();
  const here = slices && place ? state.byLabel(slices.labelAt(slices.toVoxel(place)))?.name : undefined;
  const name = state.selected.peek() ?? here;
  if (name) state.isolate(name);
}
