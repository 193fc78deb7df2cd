/** What stands on the board: the lesson's question, each organ, the tools, the way out. */
import { t } from "../core/language";
import { css } from "../core/organs";
import type { ResultState } from "../job/state";
import type { Row } from "./board";

export interface Actions {
  clip: () => void;
  clipOn: boolean;
  reset: () => void;
  leave: () => void;
}

const PLANES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;
const NEXT = { none: "axial", axial: "coronal", coronal: "sagittal", sagittal: "none" } as const;

export function rowsFor(state: ResultState, actions: Actions): Row[] {
  const lesson = state.lesson.value;
  const rows: Row[] = [];
  if (lesson) {
    const asked = lesson.asked.value;
    rows.push({ id: "question", text: asked ? t("Find the {organ}", { organ: asked.title.toLowerCase() }) : t("Point at an organ"), detail: asked ? t("{part} of {whole}", { part: lesson.right.value + 1, whole: lesson.total }) : "" });
    rows.push({ id: "told", text: lesson.told.value || " " });
    rows.push({ id: "quiz", text: asked ? t("End the quiz") : t("Start the quiz"), act: () => (asked ? lesson.stop() : lesson.start()) });
  }
  state.organs.forEach((organ, at) => {
    const spoken = state.spoken(organ.name);
    rows.push({
      id: organ.name,
      text: spoken?.title ?? t("Organ {number}", { number: at + 1 }),
      detail: organ.visible.value ? (spoken ? spoken.volume : "") : t("hidden"),
      on: organ.visible.value,
      colour: css(organ.colour),
      act: () => state.toggle(organ.name),
    });
  });
  const plane = state.plane.value;
  rows.push({ id: "slice", text: t("Slice"), detail: plane === "none" ? t("off") : t(PLANES[plane]), act: () => (state.plane.value = NEXT[plane]) });
  rows.push({ id: "clip", text: t("Cut open"), detail: actions.clipOn ? t("on") : t("off"), act: actions.clip });
  rows.push({ id: "reset", text: t("Back in front of me"), act: actions.reset });
  rows.push({ id: "leave", text: t("Leave"), act: actions.leave });
  return rows;
}
