/** What was learned so far, in this browser only. */
import type { Level } from "./questions";

/** Rounds that were finished, and the best share (0 to 1) of questions answered at the first try. */
export interface Rounds {
  rounds: number;
  best: number;
}

export type Progress = Partial<Record<Level, Rounds>>;
const KEY = "learn";

export function read(storage: Pick<Storage, "getItem"> = localStorage): Progress {
  try {
    const content = JSON.parse(storage.getItem(KEY) ?? "{}") as unknown;
    if (typeof content !== "object" || content === null) return {};
    return Object.fromEntries(Object.entries(content).filter(([, value]) => isRecord(value)));
  } catch {
    return {};
  }
}

/** Notes a finished round. */
export function note(level: Level, first: number, total: number, storage: Pick<Storage, "getItem" | "setItem"> = localStorage): Progress {
  const before = read(storage);
  const { rounds, best } = before[level] ?? { rounds: 0, best: 0 };
  const after = { ...before, [level]: { rounds: rounds + 1, best: Math.max(best, total > 0 ? first / total : 0) } };
  storage.setItem(KEY, JSON.stringify(after));
  return after;
}

function isRecord(value: unknown): value is Rounds {
  const { rounds, best } = (value ?? {}) as Partial<Rounds>;
  return Number.isInteger(rounds) && typeof best === "number" && best >= 0 && best <= 1;
}
