/** The questions of a lesson, by level: organs, parts, neighbours, sides. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Body, Side, Structure } from "./body";
import { inSentence } from "./names";

export interface Question {
  text: string;
  /** Every answer that is right: names of structures, or of choices. */
  right: readonly string[];
  /** Answers to choose from instead of structures. */
  choices?: readonly Choice[];
  /** A structure that is marked in the model because the question is about it. */
  about?: string;
  /** What the right answer is called. */
  answer: string;
}

export interface Choice {
  name: string;
  title: string;
}

export type Level = "organ" | "part" | "neighbour" | "side";
export const LEVELS: Record<Level, Text> = { organ: "Organs", part: "Parts of organs", neighbour: "Neighbours", side: "Right or left" };

/** Questions of one round; a round is short enough to be finished. */
export const ROUND = 8;
const SIDES: Record<Side, Text> = { right: "Right side of the patient", left: "Left side of the patient" };

export function questionsOf(body: Body, level: Level, shuffle: Shuffle = shuffled): Question[] {
  return shuffle([...ALL[level](body)]).slice(0, ROUND);
}

export type Shuffle = <T>(items: T[]) => T[];

const ALL: Record<Level, (body: Body) => Question[]> = { organ: organs, part: parts, neighbour: neighbours, side: sides };

function find(structure: { name: string; title: string }, right: readonly string[]): Question {
  return { text: t("Find the {organ}", { organ: inSentence(structure) }), right, answer: inSentence(structure) };
}

/** Organs with parts are found by any of their parts. */
function organs({ organs: whole, structures }: Body): Question[] {
  const parted = whole.map((organ) => find(organ, structures.filter((structure) => structure.organ === organ.name).map(({ name }) => name)));
  const others = structures.filter(({ name, organ }) => name === organ).map((structure) => find(structure, [structure.name]));
  return [...parted, ...others];
}

function parts({ structures }: Body): Question[] {
  return structures.filter(({ name, organ }) => name !== organ).map((structure) => find(structure, [structure.name]));
}

function neighbours({ structures }: Body): Question[] {
  const byName = new Map(structures.map((structure) => [structure.name, structure]));
  return structures
    .filter((structure) => structure.neighbours.length > 0)
    .map((structure) => ({
      text: t("What lies next to the {organ}?", { organ: inSentence(structure) }),
      right: structure.neighbours,
      about: structure.name,
      answer: structure.neighbours.map((name) => inSentence(byName.get(name) ?? structure)).join(", "),
    }));
}

function sides({ structures }: Body): Question[] {
  const choices = (Object.keys(SIDES) as Side[]).map((name) => ({ name, title: t(SIDES[name]) }));
  const hasSide = (structure: Structure): structure is Structure & { side: Side } => structure.side !== null && !/right|left/.test(structure.name);
  return structures.filter(hasSide).map((structure) => ({
    text: t("On which side is the {organ}?", { organ: inSentence(structure) }),
    right: [structure.side],
    choices,
    about: structure.name,
    answer: t(SIDES[structure.side]),
  }));
}

export function shuffled<T>(items: T[]): T[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [items[at], items[other]] = [items[other] as T, items[at] as T];
  }
  return items;
}

