/** What stands on the board: the lesson's question, each organ, the tools, the way out. */
import { type Group, groupsOf, MANY } from "../core/groups";
import { t } from "../core/language";
import { css } from "../core/organs";
import type { OrganState, ResultState } from "../job/state";
import type { Row } from "./cells";

export interface Actions {
  /** The rows of corrections; none for a user who may only read. */
  correct: Row[];
  measure: Row[];
  clip: () => void;
  clipOn: boolean;
  /** How large the organs are, 1 for life size. */
  scale: number;
  lifeSize: () => void;
  /** Moves the organs up (1) or down (-1). */
  lift: (to: number) => void;
  reset: () => void;
  leave: () => void;
}

/** Organs or groups on the board at once, so that it stays as high as an arm reaches. */
const PAGE = 6;
const PLANES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;
const NEXT = { none: "axial", axial: "coronal", coronal: "sagittal", sagittal: "none" } as const;

export function rowsFor(state: ResultState, actions: Actions): Row[] {
  const lesson = state.lesson.value;
  const rows: Row[] = [];
  if (lesson) {
    const asked = lesson.asked.value;
    rows.push({ id: "question", text: asked?.text ?? t("Point at an organ"), detail: asked ? t("{part} of {whole}", { part: lesson.done.value + 1, whole: lesson.total.value }) : "" });
    rows.push({ id: "told", text: lesson.said.value || " " });
    for (const { name, title } of lesson.choices.value ?? []) rows.push({ id: `choice:${name}`, text: title, act: () => void lesson.answer(name) });
    rows.push({ id: "quiz", text: asked ? t("End the quiz") : t("Start the quiz"), act: () => (asked ? lesson.stop() : lesson.start()) });
  }
  rows.push(...organRows(state));
  rows.push(...planeRows(state, actions));
  const chosen = state.selected.value;
  const spoken = chosen === null ? null : state.spoken(chosen);
  if (chosen !== null && spoken) rows.push({ id: "isolate", text: t("Show only {organ}", { organ: spoken.title }), act: () => state.isolate(chosen) });
  if (!lesson?.asked.value) rows.push(...actions.measure); // a press answers
  rows.push(...actions.correct, ...placeRows(actions));
  return rows;
}

function planeRows(state: ResultState, actions: Actions): Row[] {
  const plane = state.plane.value;
  const clip: Row = { id: "clip", text: t("Cut open"), detail: actions.clipOn ? t("on") : t("off"), isHalf: true, act: actions.clip };
  // Without slices, as in Learn, there is no window.
  if (!state.window.value) return [{ ...clip, isNewLine: true }];
  return [{ id: "slice", isNewLine: true, text: t("Slice"), detail: plane === "none" ? t("off") : t(PLANES[plane]), isHalf: true, act: () => (state.plane.value = NEXT[plane]) }, clip];
}

function placeRows({ scale, lifeSize, lift, reset, leave }: Actions): Row[] {
  const percent = Math.round(100 * scale);
  return [
    { id: "lower", text: t("Lower"), isHalf: true, isNewLine: true, act: () => lift(-1) },
    { id: "higher", text: t("Higher"), isHalf: true, act: () => lift(1) },
    { id: "size", text: percent === 100 ? t("Life size") : t("Back to life size"), detail: `${percent} %`, act: lifeSize },
    { id: "reset", text: t("Back in front of me"), isHalf: true, act: reset },
    { id: "leave", text: t("Leave"), isHalf: true, act: leave },
  ];
}

/** Each organ; of many the groups, and of a group a page of organs. While a lesson hides names there are no groups. */
function organRows(state: ResultState): Row[] {
  if (state.organs.length <= MANY) return state.organs.map((organ, at) => organRow(state, organ, at));
  const { group, page } = state.boardAt.value;
  const hidesNames = state.lesson.value?.names.value === false;
  const groups = hidesNames ? [] : groupsOf(state.organs);
  const opened = groups.find(({ key }) => key === group);
  const every = opened ? opened.organs : state.organs;
  const shown = every.filter((organ) => organ.visible.value).length;
  const all: Row = {
    id: "all",
    text: opened ? opened.title || t("Other organs") : t("All organs"),
    detail: t("{part} of {whole}", { part: shown, whole: every.length }),
    on: shown > 0,
    act: () => state.showSome(every, shown < every.length),
  };
  const single = opened?.organs ?? (hidesNames ? state.organs : null);
  const rows = single ? single.map((organ, at) => halfOrgan(state, organ, at)) : groups.map((each) => groupRow(state, each));
  const pages = Math.ceil(rows.length / PAGE);
  const at = Math.min(page, pages - 1);
  const found = [all, ...rows.slice(at * PAGE, (at + 1) * PAGE)];
  const turn = (to: Partial<{ group: string | null; page: number }>): void => void (state.boardAt.value = { group, page: at, ...to });
  if (pages > 1) found.push({ id: "more", text: t("More"), detail: t("{part} of {whole}", { part: at + 1, whole: pages }), isHalf: true, act: () => turn({ page: (at + 1) % pages }) });
  if (opened) found.push({ id: "groups", text: t("All groups"), isHalf: true, act: () => turn({ group: null, page: 0 }) });
  return found;
}

function groupRow(state: ResultState, group: Group<OrganState>): Row {
  return {
    id: `group:${group.key}`,
    text: group.title || t("Other organs"),
    detail: String(group.organs.length),
    on: group.organs.some((organ) => organ.visible.value),
    isHalf: true,
    act: () => (state.boardAt.value = { group: group.key, page: 0 }),
  };
}

/** An organ of many: its volume is read by pointing at it. */
function halfOrgan(state: ResultState, organ: OrganState, at: number): Row {
  const { detail: _, ...row } = organRow(state, organ, at);
  return { ...row, isHalf: true };
}

function organRow(state: ResultState, organ: OrganState, at: number): Row {
  const spoken = state.spoken(organ.name);
  return {
    id: organ.name,
    text: spoken?.title ?? t("Organ {number}", { number: at + 1 }),
    detail: organ.visible.value ? (spoken ? spoken.volume : "") : t("hidden"),
    on: organ.visible.value,
    colour: css(state.colourOf(organ)),
    act: () => state.toggle(organ.name),
  };
}
