/** How the archive is set, which the address keeps. */
import { remember } from "../core/router";
import type { Asked, Column } from "./search";

export interface Setting extends Asked {
  cards: boolean;
  /** Jobs that were loaded. */
  count: number;
}

const COLUMNS = ["created", "state", "seconds"];

export function setting(query: Record<string, string>): Setting {
  const { q = "", state = "", review = "", warning = "", sort = "", view = "", n = "" } = query;
  const column = sort.replace("-", "") as Column;
  const known = COLUMNS.includes(column);
  return { text: q, state, review, warning, sort: known ? column : "created", up: known && !sort.startsWith("-"), cards: view === "cards", count: Number(n) || 50 };
}

export function queryOf({ text, state, review, warning, sort, up, cards, count }: Setting): Record<string, string> {
  const order = `${up ? "" : "-"}${sort}`;
  return { q: text, state, review, warning, sort: order === "-created" ? "" : order, view: cards ? "cards" : "", n: count > 50 ? String(count) : "" };
}

export function note(set: Setting): void {
  remember("archive", queryOf(set));
}

export function isLimited({ text, state, review, warning }: Asked): boolean {
  return Boolean(text || state || review || warning);
}
