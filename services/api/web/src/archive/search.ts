/** Finds jobs. The server lists them by state and age; what it can't ask for yet is looked for in its pages here. */
import { api } from "../core/api";
import type { Job } from "../core/types";
import { when } from "../core/words";

export type Column = "created" | "state" | "seconds";

export interface Asked {
  text: string;
  state: string;
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

/** One page in the server's own order, or all that match where the server can't search and sort. */
export async function search(asked: Asked, cursor: string | null, count = PAGE): Promise<Found> {
  if (!asked.text.trim() && asked.sort === "created" && !asked.up) {
    const page = await api.jobs(asked.state, cursor, Math.min(count, LARGEST_PAGE));
    return { jobs: page.items, next: page.next, cut: false };
  }
  const all: Job[] = [];
  let next: string | null = null;
  do {
    const page = await api.jobs(asked.state, next, LARGEST_PAGE);
    all.push(...page.items);
    next = page.next;
  } while (next && all.length < MOST);
  const jobs = sorted(all.filter((job) => matches(job, asked.text)), asked);
  return { jobs, next: null, cut: next !== null };
}

/** Whether every word is somewhere in what the archive shows of the job. */
export function matches(job: Job, asked: string): boolean {
  const text = [job.id, job.state, when(job.created), job.created.slice(0, 10), job.error?.code, job.error?.detail].join(" ").toLowerCase();
  return asked.toLowerCase().split(/\s+/).every((word) => text.includes(word));
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
