/** While somebody draws: the organ, the size of the brush, the way back, and what is not saved yet. */
import { useEffect } from "preact/hooks";
import { t } from "../core/language";
import type { Corrections } from "../correct/corrections";
import { isDrawTool, type SliceView } from "../slices/view";
import { Tool } from "../ui/parts";
import { failure } from "../ui/status";
import { short } from "../slices/marks";
import { LARGEST, type Pencil, SMALLEST, type Values } from "./pencil";
import { ReshapeMenu } from "./reshape";

interface Props {
  view: SliceView;
  corrections: Corrections;
}

export function DrawBar({ view, corrections }: Props) {
  const pencil = corrections.pencil.value;
  void pencil?.changes.value;
  const tool = view.tool.value;
  const isShown = pencil !== null && (isDrawTool(tool) || !pencil.isEmpty);
  useEffect(() => (isShown ? listenToKeys(corrections) : undefined), [isShown, corrections]);
  if (!pencil || !isShown) return null;
  const busy = corrections.busy.value !== "";
  return (
    <div class="draw-bar" role="group" aria-label={t("Drawing")}>
      <OrganChoice view={view} pencil={pencil} />
      <label class="slider">
        {t("Size")}
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={position(pencil.radius.value)}
          aria-valuetext={t("{mm} mm", { mm: pencil.radius.value })}
          onInput={(event) => (pencil.radius.value = radiusAt(Number(event.currentTarget.value)))}
        />
        <output>{t("{mm} mm", { mm: pencil.radius.value })}</output>
      </label>
      <ValueChoice pencil={pencil} />
      <ReshapeMenu view={view} corrections={corrections} pencil={pencil} />
      <Tool icon="undo" title={t("Take the last stroke back")} keys="Ctrl+Z" disabled={pencil.isEmpty || busy} onClick={() => pencil.undo()} />
      <Tool icon="redo" title={t("Make it again")} keys="Ctrl+Shift+Z" disabled={!pencil.canRedo || busy} onClick={() => pencil.redo()} />
      <button type="button" disabled={pencil.isEmpty || busy} onClick={() => pencil.discard()}>
        {t("Discard")}
      </button>
      <button type="button" disabled={pencil.isEmpty || busy} onClick={() => corrections.saveDrawing().catch(failure)}>
        {t("Save")}
      </button>
      {!pencil.isEmpty && <output aria-live="polite">{gains(view, pencil)}</output>}
    </div>
  );
}

function OrganChoice({ view, pencil }: { view: SliceView; pencil: Pencil }) {
  return (
    <select aria-label={t("Organ to draw")} value={pencil.label.value} onChange={(event) => (pencil.label.value = Number(event.currentTarget.value))}>
      {view.state.organs.map(({ label, title }) => (
        <option key={label} value={label}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** Which values a stroke changes, and from which to which. */
function ValueChoice({ pencil }: { pencil: Pencil }) {
  const range = pencil.range.value;
  const choose = (values: Values): void => {
    pencil.values.value = values;
    pencil.range.value = null;
  };
  return (
    <>
      <select aria-label={t("Values to draw on")} value={pencil.values.value} onChange={(event) => choose(event.currentTarget.value as Values)}>
        <option value="all">{t("All values")}</option>
        <option value="pointer">{t("Like under the pointer")}</option>
        <option value="window">{t("In the window")}</option>
      </select>
      {pencil.values.value !== "all" && <output>{range ? t("{least} to {most}", { least: short(range[0]), most: short(range[1]) }) : t("chosen as a stroke begins")}</output>}
    </>
  );
}

/** The volumes that what is not saved yet changes. */
function gains(view: SliceView, pencil: Pencil): string {
  return view.state.organs
    .map(({ label, title }) => ({ title, ml: pencil.gained(label) }))
    .filter(({ ml }) => ml !== 0)
    .map(({ title, ml }) => `${title} ${ml > 0 ? "+" : "−"}${Math.abs(ml).toFixed(1)} mL`)
    .join(", ");
}

/** A slider moves by equal factors. */
const RATIO = Math.log(LARGEST / SMALLEST);
const position = (radius: number): number => Math.log(radius / SMALLEST) / RATIO;
const radiusAt = (part: number): number => Math.round(SMALLEST * Math.exp(part * RATIO) * 4) / 4;

/** Ctrl+Z, Ctrl+Shift+Z or Ctrl+Y, and Ctrl+S, also where the focus is on a button. */
function listenToKeys(corrections: Corrections): () => void {
  const pressed = (event: KeyboardEvent): void => {
    const pencil = corrections.pencil.peek();
    const key = event.key.toLowerCase();
    if (!pencil || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
    if (key === "y" || (key === "z" && event.shiftKey)) pencil.redo();
    else if (key === "z") pencil.undo();
    else if (key === "s" && !pencil.isEmpty) corrections.saveDrawing().catch(failure);
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
