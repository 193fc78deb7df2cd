/** The line below the model: what to do next with the tool that is in use, or what the pointer is on. */
import { useEffect, useRef } from "preact/hooks";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { LEAST_CORNERS, type SurfaceKind, valueText } from "./marks";
import type { Measure } from "./measure";

const HINTS: Record<SurfaceKind, Text> = {
  length: "Click two points on the organs.",
  angle: "Click three points on the organs: end, vertex, end.",
  polygon: "Click the corners. The first or the last one again closes the area.",
  arrow: "Click the place that the arrow points at.",
};

export function MeasureReadout({ measure, tool }: { measure: Measure; tool: SurfaceKind }) {
  const draft = measure.draft.value;
  const last = measure.marks.value.findLast(({ own, kind }) => own && kind === tool);
  if (draft?.kind === "arrow") return <ArrowText measure={measure} />;
  const closes = draft?.kind === "polygon" && draft.points.length >= LEAST_CORNERS;
  const value = last && !draft ? valueText(last) : "";
  return (
    <>
      {value && <b>{t("Measured: {value}", { value })}</b>}
      {closes && (
        <button type="button" class="small" onClick={() => measure.finish()}>
          {t("Close the area")}
        </button>
      )}
      {draft && (
        <button type="button" class="quiet small" onClick={() => measure.undo()}>
          {t("Take the last point back")}
        </button>
      )}
      {!closes && !value && <span class="hint">{t(HINTS[tool])}</span>}
    </>
  );
}

/** Asks for the text of an arrow; Enter saves it, Escape drops the arrow. Then the model has the focus again. */
function ArrowText({ measure }: { measure: Measure }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const leave = (act: () => void): void => {
    const canvas = input.current?.closest(".viewer")?.querySelector("canvas");
    act();
    canvas?.focus();
  };
  const pressed = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === "Escape") leave(() => measure.reset());
  };
  const save = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim();
    if (text) leave(() => measure.finish(text));
  };
  return (
    <form class="arrow-text" onSubmit={save}>
      <input ref={input} type="text" maxLength={200} aria-label={t("Text of the arrow")} placeholder={t("Text of the arrow")} onKeyDown={pressed} />
      <button type="submit" class="small">
        {t("Save")}
      </button>
      <button type="button" class="quiet small" onClick={() => leave(() => measure.reset())}>
        {t("Discard")}
      </button>
    </form>
  );
}
