/** The language of the page: English is in the sources, other languages are catalogues that are loaded when chosen. */
import { signal } from "@preact/signals";
import type { Text } from "./languages/de";

export type Language = "en" | "de";
type Catalogue = Record<Text, string>;

/** Each language by its own name. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };
const LOAD: Record<Exclude<Language, "en">, () => Promise<{ default: Catalogue }>> = { de: () => import("./languages/de") };
const MEMORY = "language";

export const language = signal<Language>("en");
const catalogue = signal<Catalogue | null>(null);

/** The sentence in the chosen language; `{name}` stands for a value. */
export function t(text: Text, values: Record<string, string | number> = {}): string {
  return fill(catalogue.value?.[text] ?? text, values);
}

export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export async function speak(chosen: Language): Promise<void> {
  catalogue.value = chosen === "en" ? null : (await LOAD[chosen]()).default;
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
