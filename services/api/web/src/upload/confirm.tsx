/** "Is this the right scan?": its slices, how it shall be meshed, and the button that starts the job. */
import { useState } from "preact/hooks";
import { bytes } from "../core/words";
import type { Preview } from "../preview/types";
import { PreviewFacts, PreviewView } from "../preview/view";
import { Problems } from "../ui/parts";
import type { Picked } from "./collect";

export interface Options {
  asked: { quality: string; spacing?: number[] };
  /** The same spacing as a query parameter, or "". */
  spacing: string;
}

const QUALITIES: [string, string][] = [
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

export function Confirm({ picked, preview, unseen, onStart, onBack }: Props) {
  const [quality, setQuality] = useState("standard");
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const total = picked.reduce((sum, { file }) => sum + file.size, 0);
  const start = (event: Event): void => {
    event.preventDefault();
    const spacing = text.trim() ? parseSpacing(text) : undefined;
    if (spacing === null) return setProblem("Three sizes in mm are needed: slice, row, column, for example 3, 1.5, 1.5.");
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
            <p class="muted">You can send it all the same: the service reads more kinds of scans than a browser does.</p>
          </div>
        )}
      </div>
      <form class="card" onSubmit={start}>
        <h1>Is this the right scan?</h1>
        {preview && <PreviewFacts preview={preview} />}
        <p class="muted">
          {picked.length} {picked.length === 1 ? "file" : "files"}, {bytes(total)}
        </p>
        <fieldset>
          <legend>Detail of the model</legend>
          {QUALITIES.map(([value, label]) => (
            <label key={value} class="choice">
              <input type="radio" name="quality" checked={quality === value} onChange={() => setQuality(value)} />
              {label}
            </label>
          ))}
        </fieldset>
        {(preview === null || preview.format === "png") && (
          <label>
            Voxel size in mm, if the files are wrong: slice, row, column
            <input value={text} placeholder="as in the files" onInput={(event) => setText(event.currentTarget.value)} />
          </label>
        )}
        <Problems text={problem} />
        <div class="row between">
          <button type="button" onClick={onBack}>
            Choose another
          </button>
          <button type="submit" class="primary">
            Start
          </button>
        </div>
      </form>
    </section>
  );
}
