/** Acts on many jobs, a few at once, and writes their volumes as a table. */
import { sentence } from "../core/api";
import type { Job, Report } from "../core/types";

const AT_ONCE = 4;

export interface Outcome<T> {
  done: T[];
  failed: number;
  /** Why the first one failed. */
  problem: string;
}

export async function each<T>(ids: readonly string[], act: (id: string) => Promise<T>): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failed: 0, problem: "" };
  const waiting = [...ids];
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        outcome.done.push(await act(id));
      } catch (error) {
        outcome.failed += 1;
        outcome.problem ||= sentence(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcome;
}

export function withTag(tags: readonly string[], tag: string, on: boolean): string[] {
  const others = tags.filter((each) => each !== tag);
  return on ? [...others, tag] : others;
}

const COLUMNS = ["job", "name", "created", "revision", "organ", "volume_ml", "part_seen", "warnings"];

/** The volumes of results as CSV (RFC 4180), one line for each organ that was found. */
export function volumes(results: readonly { job: Job; report: Report }[]): string {
  const lines = results.flatMap(({ job, report }) =>
    report.organs
      .filter(({ present }) => present)
      .map((organ) => [job.id, job.name ?? "", job.created, report.revision ?? 1, organ.title, organ.volume_ml, organ.part_seen ?? false, organ.warnings.map(({ code }) => code).join(" ")]),
  );
  return [COLUMNS, ...lines].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** A text that begins like a formula gets an apostrophe, so that no spreadsheet computes it. */
function cell(value: string | number | boolean): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
