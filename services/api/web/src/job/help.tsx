/** Every key of the workspace. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { presets } from "../slices/windows";
import { Dialog } from "../ui/parts";

const SLICES: [string, Text][] = [
  ["↑ ↓", "Axial slice, towards head or feet"],
  ["← →", "Sagittal slice"],
  [", .", "Coronal slice, towards front or back"],
  ["A C S G", "One plane, or all of them"],
  ["W", "Set the window by dragging"],
  ["0", "Automatic window"],
  ["+ −", "Zoom"],
  ["F", "Fit to the view"],
  ["H", "Move the picture"],
  ["P", "Play through the slices"],
  ["O", "Show outlines"],
  ["L N R V", "Measure a length, an angle, an area, a value"],
  ["E", "Correct: a click or Enter asks which organ a part is"],
  ["Q J K", "Draw: brush, eraser, loop; Enter draws at the crosshair"],
  ["[ ]", "Smaller or larger brush"],
  ["Ctrl Z", "Take a stroke back; with Shift make it again"],
  ["Enter", "Set a point at the crosshair"],
  ["Delete", "Delete the last measurement"],
  ["Esc", "Leave the tool"],
];
const MOUSE: [Text, Text][] = [
  ["Wheel", "Slice"],
  ["Ctrl + wheel", "Zoom"],
  ["Right button, drag", "Set the window by dragging"],
  ["Middle button, drag", "Move the picture"],
];
const RESULT: [string, Text][] = [
  ["Y X U", "Review: accepted, needs correction, unread"],
  ["D", "Report"],
  ["M", "Next organ with a warning"],
  ["9", "Next slice to look at"],
  ["I", "Show only the selected organ, or the one at the crosshair"],
  ["T", "Send to a PACS"],
  ["B", "Compare with…"],
  ["/", "Search the archive; Enter opens the first result"],
];
const MODEL: [string, Text][] = [
  ["← → ↑ ↓", "Turn"],
  ["+ −", "Zoom"],
  ["Home", "Look from the front"],
  ["L N R V", "Measure a length, an angle, an area; arrow with a text"],
  ["Enter", "Set a point at the crosshair"],
  ["⇧ ← → ↑ ↓", "Turn the model while measuring"],
  ["⌫", "Take the last point back"],
  ["PgUp PgDn", "Next saved view, or the one before"],
];

export function Help({ modality, onClose }: { modality: string | null; onClose: () => void }) {
  return (
    <Dialog title={t("Keys and mouse")} onClose={onClose}>
      <div class="help">
        <List title={t("Slices")} rows={SLICES.map(([key, text]) => [key, t(text)])} />
        <div>
          {presets(modality).length > 0 && <List title={t("Windows")} rows={presets(modality).map(({ key, title }) => [key, t(title)])} />}
          <List mouse title={t("Mouse")} rows={MOUSE.map(([key, text]) => [t(key), t(text)])} />
          <List title={t("Result")} rows={RESULT.map(([key, text]) => [key, t(text)])} />
          <List title={t("Model")} rows={MODEL.map(([key, text]) => [key, t(text)])} />
        </div>
      </div>
      <p class="muted">{t("While a tool is chosen, the arrow keys do what dragging would do.")}</p>
    </Dialog>
  );
}

function List({ title, rows, mouse }: { title: string; rows: readonly (readonly [string, string])[]; mouse?: boolean }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl class={mouse ? "keys mouse" : "keys"}>
        {rows.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
