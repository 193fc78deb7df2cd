/** Which slices of a running job are finished. */
import type { EarlyPart } from "../core/types";

/** The parts after another one has come; one of another attempt replaces them all. */
export function withPart(parts: readonly EarlyPart[], part: EarlyPart): EarlyPart[] {
  const same = parts.filter((other) => other.attempt === part.attempt && other.number !== part.number);
  return [...same, part];
}

/** Numbers of the slices that are finished, where the parts are slices of the files; otherwise none. */
export function finishedSlices(parts: readonly EarlyPart[]): number[] {
  const own = parts.filter((part) => part.axis === 0);
  return own.flatMap(({ start, stop }) => Array.from({ length: stop - start }, (_, at) => start + at)).sort((a, b) => a - b);
}
