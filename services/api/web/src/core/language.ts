/**
 * The language of the page: English is in the sources, other languages are catalogues that are loaded when chosen. The
 * first page has a catalogue of its own, so that it is small; the rest comes with the first other page.
 */
import { signal } from "@preact/signals";
import type { Text } from "./languages/de";

export type Language = "en" | "de";
type Catalogue = Partial<Record<Text, string>>;
type Load = () => Promise<{ default: Catalogue }>;

/** Each language by its own name. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };
const LOAD: Record<Exclude<Language, "en">, { first: Load; rest: Load }> = {
  de: { first: () => import("./languages/de"), rest: () => import("./languages/de.rest") },
};
const MEMORY = "language";

export const language = signal<Language>("en");
const catalogue = signal<Catalogue | null>(null);
/** Whether a page beside the first one was opened. */
let needsRest = false;

/** The sentence in the chosen language; `{name}` stands for a value. */
export function t(text: Text, values: Record<string, string | number> = {}): string {
  return fill(catalogue.value?.[text] ?? text, values);
}

export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

async function load(chosen: Language): Promise<Catalogue | null> {
  if (chosen === "en") return null;
  const { first, rest } = LOAD[chosen];
  const parts = await Promise.all([first(), needsRest ? rest() : null]);
  return Object.assign({}, ...parts.map((part) => part?.default)) as Catalogue;
}

/** Loads the texts of the pages beside the first one. */
export async function loadRest(): Promise<void> {
  if (needsRest) return;
  needsRest = true;
  catalogue.value = await load(language.peek());
}

export async function speak(chosen: Language): Promise<void> {
  catalogue.value = await load(chosen);
  language.value = chosen;
  document.documentElement.lang = chosen;
  localStorage.setItem(MEMORY, chosen);
}

/** The language chosen last, else the browser's first one that the page has. */
export function preferred(wishes: readonly string[], remembered: string | null): Language {
  const asked = [remembered ?? "", ...wishes].map((wish) => wish.slice(0, 2).toLowerCase());
  return (asked.find((wish) => wish in LANGUAGES) as Language | undefined) ?? "en";
}

export function begin(): Promise<void> {
  const found = preferred(navigator.languages, localStorage.getItem(MEMORY));
  return found === "en" ? Promise.resolve() : speak(found);
}
