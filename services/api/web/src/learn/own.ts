/** A teacher's own questions on a result: a part of the share link after `#`, so they never reach a server. */
import type { Question } from "./questions";

export interface OwnQuestion {
  /** The question as it is shown, plain text. */
  text: string;
  /** The node name of the organ that answers it. */
  organ: string;
}

export const MOST_QUESTIONS = 20;
export const MOST_LETTERS = 200;
const MOST_BYTES = 40_000;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** The questions as text that may be part of an address. */
export function encode(questions: readonly OwnQuestion[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(questions.map(({ text, organ }) => [text, organ])));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The questions in an address; none where it was damaged or asks for more than is allowed. */
export function decode(text: string): OwnQuestion[] {
  if (!text || text.length > MOST_BYTES || !/^[A-Za-z0-9_-]+$/.test(text)) return [];
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
    if (!Array.isArray(content) || content.length > MOST_QUESTIONS) return [];
    const questions = content.map(questionOf);
    return questions.every((question) => question !== null) ? questions : [];
  } catch {
    return [];
  }
}

function questionOf(item: unknown): OwnQuestion | null {
  if (!Array.isArray(item) || item.length !== 2) return null;
  const [text, organ] = item as unknown[];
  if (typeof text !== "string" || typeof organ !== "string" || !NAME.test(organ)) return null;
  const plain = text.trim();
  return plain.length > 0 && plain.length <= MOST_LETTERS ? { text: plain, organ } : null;
}

/** As questions of a lesson; those about an organ that the result does not have are left out. */
export function asQuestions(own: readonly OwnQuestion[], organs: readonly { name: string; title: string }[]): Question[] {
  const titles = new Map(organs.map(({ name, title }) => [name, title]));
  return own
    .filter(({ organ }) => titles.has(organ))
    .map(({ text, organ }) => ({ text, right: [organ], answer: titles.get(organ) ?? organ }));
}
