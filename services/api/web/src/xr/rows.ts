/** What stands on the board: the lesson's question, each organ, the tools, the way out. */
import { css } from "../core/organs";
import type { ResultState } from "../job/state";
import type { Row } from "./board";

export interface Actions {
  clip: () => void;
  clipOn: boolean;
  reset: () => void;
  leave: () => void;
}

const NEXT = { none: "axial", axial: "coronal", coronal: "sagittal", sagittal: "none" } as const;

export function rowsFor(state: ResultState, actions: Actions): Row[] {
  const lesson = state.lesson.value;
  const rows: Row[] = [];
  if (lesson) {
    const asked = lesson.asked.value;
    rows.push({ id: "question", text: asked ? `Find the ${asked.title.toLowerCase()}` : "Point at an organ", detail: asked ? `${lesson.right.value + 1} of ${lesson.total}` : "" });
    rows.push({ id: "told", text: lesson.told.value || " " });
    rows.push({ id: "quiz", text: asked ? "End the quiz" : "Start the quiz", act: () => (asked ? lesson.stop() : lesson.start()) });
  }
  state.organs.forEach((organ, at) => {
    const spoken = state.spoken(organ.name);
    rows.push({
      id: organ.name,
      text: spoken?.title ?? `Organ ${at + 1}`,
      detail: organ.visible.value ? (spoken ? spoken.volume : "") : "hidden",
      on: organ.visible.value,
      colour: css(organ.colour),
      act: () => state.toggle(organ.name),
    });
  });
  const plane = state.plane.value;
  rows.push({ id: "slice", text: "Slice", detail: plane === "none" ? "off" : plane, act: () => (state.plane.value = NEXT[plane]) });
  rows.push({ id: "clip", text: "Clip plane", detail: actions.clipOn ? "on" : "off", act: actions.clip });
  rows.push({ id: "reset", text: "Back in front of me", act: actions.reset });
  rows.push({ id: "leave", text: "Leave", act: actions.leave });
  return rows;
}
