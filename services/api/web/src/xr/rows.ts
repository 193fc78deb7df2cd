/** What stands on the board: the lesson's question, each organ, the tools, the way out. */
import { type Group, groupsOf, MANY } from "../core/groups";
import { t } from "../core/language";
import { css } from "../core/organs";
import type { OrganState, ResultState } from "../job/state";
import type { Row } from "./board";

export interface Actions {
  /** The rows of corrections; none for a user who may only read. */
  correct: Row[];
  clip: () => void;
  clipOn: boolean;
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
  const plane = state.plane.value;
  rows.push({ id: "slice", text: t("Slice"), detail: plane === "none" ? t("off") : t(PLANES[plane]), act: () => (state.plane.value = NEXT[plane]) });
  rows.push({ id: "clip", text: t("Cut open"), detail: actions.clipOn ? t("on") : t("off"), act: actions.clip });
  const chosen = state.selected.value;
  const spoken = chosen === null ? null : state.spoken(chosen);
  if (chosen !== null && spoken) rows.push({ id: "isolate", text: t("Show only {organ}", { organ: spoken.title }), act: () => state.isolate(chosen) });
  rows.push(...actions.correct);
  rows.push({ id: "reset", text: t("Back in front of me"), act: actions.reset });
  rows.push({ id: "leave", text: t("Leave"), act: actions.leave });
  return rows;
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
  const rows = single ? single.map((organ, at) => organRow(state, organ, at)) : groups.map((each) => groupRow(state, each));
  const pages = Math.ceil(rows.length / PAGE);
  const at = Math.min(page, pages - 1);
  const found = [all, ...rows.slice(at * PAGE, (at + 1) * PAGE)];
  const turn = (to: Partial<{ group: string | null; page: number }>): void => void (state.boardAt.value = { group, page: at, ...to });
  if (pages > 1) found.push({ id: "more", text: t("More"), detail: t("{part} of {whole}", { part: at + 1, whole: pages }), act: () => turn({ page: (at + 1) % pages }) });
  if (opened) found.push({ id: "groups", text: t("All groups"), act: () => turn({ group: null, page: 0 }) });
  return found;
}

function groupRow(state: ResultState, group: Group<OrganState>): Row {
  return {
    id: `group:${group.key}`,
    text: group.title || t("Other organs"),
    detail: String(group.organs.length),
    on: group.organs.some((organ) => organ.visible.value),
    act: () => (state.boardAt.value = { group: group.key, page: 0 }),
  };
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
