/** "Is this the right scan?": its slices, what speaks against it, how it shall be meshed, and the button that starts the job. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Model } from "../core/types";
import { bytes } from "../core/words";
import type { Preview } from "../preview/types";
import { PreviewFacts, PreviewView } from "../preview/view";
import { Problems, Warnings } from "../ui/parts";
import type { Picked } from "./collect";
import { doubts } from "./doubts";

export interface Options {
  asked: { quality: string; spacing?: number[] };
  /** The same spacing as a query parameter, or "". */
  spacing: string;
}

const QUALITIES: [string, Text][] = [
  ["light", "Light: for phones and quick looks"],
  ["standard", "Standard: for screens and headsets"],
  ["fine", "Fine: for printing"],
];

interface Props {
  picked: Picked[];
  preview: Preview | null;
  unseen: string;
  onStart: (options: Options) => void;
  onBack: () => void;
}

/** Three sizes in mm (slice, row, column), null where the text is something else. */
export function parseSpacing(text: string): number[] | null {
  const sizes = text.split(/[\s,;×x]+/).filter(Boolean).map(Number);
  return sizes.length === 3 && sizes.every((size) => size > 0.01 && size < 100) ? sizes : null;
}

/** Cards of the segmenters in use; empty while they are unknown. */
function useCards(): readonly Model["card"][] {
  const [known, setKnown] = useState<readonly Model["card"][]>([]);
  useEffect(() => {
    api.models().then(
      ({ items }) => setKnown(items.filter(({ stage }) => stage === "segmenter").map(({ card }) => card)),
      () => undefined,
    );
  }, []);
  return known;
}

export function Confirm({ picked, preview, unseen, onStart, onBack }: Props) {
  const [quality, setQuality] = useState("standard");
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const cards = useCards();
  const total = picked.reduce((sum, { file }) => sum + file.size, 0);
  const start = (event: Event): void => {
    event.preventDefault();
    const spacing = text.trim() ? parseSpacing(text) : undefined;
    if (spacing === null) return setProblem(t("Three sizes in mm are needed: slice, row, column, for example 3, 1.5, 1.5."));
    onStart({ asked: spacing ? { quality, spacing } : { quality }, spacing: spacing ? spacing.join(",") : "" });
  };
  return (
    <section class="confirm">
      <div>
        {preview ? (
          <PreviewView preview={preview} />
        ) : (
          <div class="unseen">
            <p>{unseen}</p>
            <p class="muted">{t("You can send it all the same: the service reads more kinds of scans than a browser does.")}</p>
          </div>
        )}
      </div>
      <form class="card" onSubmit={start}>
        <h1>{t("Is this the right scan?")}</h1>
        {preview && <Warnings items={doubts(preview, cards)} />}
        {preview && <PreviewFacts preview={preview} />}
        <p class="muted">
          {picked.length === 1 ? t("1 file") : t("{n} files", { n: picked.length })}, {bytes(total)}
        </p>
        <fieldset>
          <legend>{t("Detail of the model")}</legend>
          {QUALITIES.map(([value, label]) => (
            <label key={value} class="choice">
              <input type="radio" name="quality" checked={quality === value} onChange={() => setQuality(value)} />
              {t(label)}
            </label>
          ))}
        </fieldset>
        {(preview === null || preview.format === "png") && (
          <label>
            {t("Voxel size in mm, if the files are wrong: slice, row, column")}
            <input value={text} placeholder={t("as in the files")} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
        )}
        <Problems text={problem} />
        <div class="row between">
          <button type="button" onClick={onBack}>
            {t("Choose another")}
          </button>
          <button type="submit" class="primary">
            {t("Start")}
          </button>
        </div>
      </form>
    </section>
  );
}
