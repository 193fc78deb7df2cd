/** Which jobs of the list are chosen. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Where a range begins that the Shift key ends. */
  readonly anchor: string | null;
}

export const NOTHING: Selection = { ids: new Set(), anchor: null };

/** Chooses a job or no longer; with `range` all from the anchor to it, in the order in which they are shown. */
export function choose({ ids, anchor }: Selection, shown: readonly string[], id: string, on: boolean, range: boolean): Selection {
  const [from, to] = [shown.indexOf(anchor ?? id), shown.indexOf(id)].sort((a, b) => a - b) as [number, number];
  const between = range && from >= 0 ? shown.slice(from, to + 1) : [id];
  const next = new Set(ids);
  for (const each of between) on ? next.add(each) : next.delete(each);
  return { ids: next, anchor: id };
}

/** What is left of a selection when other jobs are shown. */
export function within({ ids, anchor }: Selection, shown: readonly string[]): Selection {
  return { ids: new Set(shown.filter((id) => ids.has(id))), anchor: anchor && shown.includes(anchor) ? anchor : null };
}
