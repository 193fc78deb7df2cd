/** Finds jobs. The server searches; it lists newest first, so other orders are sorted here. */
import { api } from "../core/api";
import type { Job } from "../core/types";

export type Column = "created" | "state" | "seconds";

export interface Asked {
  text: string;
  state: string;
  review: string;
  /** Code of a warning. */
  warning: string;
  sort: Column;
  /** Whether the smallest or oldest is first. */
  up: boolean;
}

export interface Found {
  jobs: Job[];
  /** Where the next page begins; null at the end. */
  next: string | null;
  /** Whether older jobs than those searched exist. */
  cut: boolean;
}

const PAGE = 50;
const LARGEST_PAGE = 200;
const MOST = 2000;

/** One page in the server's own order, or all that match where the order is another one. */
export async function search(asked: Asked, cursor: string | null, count = PAGE): Promise<Found> {
  const { state, review, warning } = asked;
  const limits = { q: asked.text.trim(), state, review, warning };
  if (asked.sort === "created" && !asked.up) {
    const page = await api.jobs(limits, cursor, Math.min(count, LARGEST_PAGE));
    return { jobs: page.items, next: page.next, cut: false };
  }
  const all: Job[] = [];
  let next: string | null = null;
  do {
    const page = await api.jobs(limits, next, LARGEST_PAGE);
    all.push(...page.items);
    next = page.next;
  } while (next && all.length < MOST);
  return { jobs: sorted(all, asked), next: null, cut: next !== null };
}

/** How long the job ran, in seconds; null where it has not ended. */
export function duration(job: Job): number | null {
  return job.started && job.ended ? (Date.parse(job.ended) - Date.parse(job.started)) / 1000 : null;
}

export function sorted(jobs: readonly Job[], { sort, up }: Pick<Asked, "sort" | "up">): Job[] {
  const value = (job: Job): number | string => (sort === "created" ? Date.parse(job.created) : sort === "state" ? job.state : (duration(job) ?? -1));
  const order = (a: Job, b: Job): number => {
    const [first, second] = [value(a), value(b)];
    return first < second ? -1 : first > second ? 1 : 0;
  };
  return [...jobs].sort((a, b) => (up ? order(a, b) : order(b, a)));
}
