/** The slices before they are sent: one large, a strip to jump by, and what the files say of themselves. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Preview } from "./types";

function paint(canvas: HTMLCanvasElement | null, preview: Preview, slice: number): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  const { width, height, pixels } = preview;
  canvas.width = width;
  canvas.height = height;
  const image = context.createImageData(width, height);
  const offset = slice * width * height;
  for (let at = 0; at < width * height; at += 1) {
    const grey = pixels[offset + at] ?? 0;
    image.data.set([grey, grey, grey, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

function Slice({ preview, slice, class: name }: { preview: Preview; slice: number; class?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => paint(canvas.current, preview, slice), [preview, slice]);
  return <canvas ref={canvas} class={name} aria-hidden="true" />;
}

const SIDES = ["left", "right", "top", "bottom"] as const;

export function PreviewView({ preview }: { preview: Preview }) {
  const [slice, setSlice] = useState(Math.floor(preview.slices / 2));
  const count = Math.min(10, preview.slices);
  const strip = Array.from({ length: count }, (_, at) => Math.round(((at + 0.5) / count) * preview.slices - 0.5));
  const [x = 1, y = 1] = preview.spacing ?? [];
  const aspect = (preview.columns * x) / (preview.rows * y);
  return (
    <div class="preview">
      <div class="preview-large" style={{ aspectRatio: String(aspect) }}>
        <Slice preview={preview} slice={slice} />
        {SIDES.map((side, at) => (
          <span key={side} class={`letter ${side}`}>
            {preview.letters[at]}
          </span>
        ))}
      </div>
      <label class="wide">
        {t("Slice {number} of {count}", { number: slice + 1, count: preview.slices })}
        <input
          type="range"
          min={0}
          max={preview.slices - 1}
          value={slice}
          onInput={(event) => setSlice(Number(event.currentTarget.value))}
        />
      </label>
      <div class="strip">
        {strip.map((at) => (
          <button
            key={at}
            type="button"
            class="thumb"
            aria-label={t("Show slice {number}", { number: at + 1 })}
            aria-pressed={at === slice}
            onClick={() => setSlice(at)}
          >
            <Slice preview={preview} slice={at} />
          </button>
        ))}
      </div>
    </div>
  );
}

const FORMATS: Record<Preview["format"], Text> = { png: "PNG slices", nifti: "NIfTI volume", dicom: "DICOM series" };

export function PreviewFacts({ preview }: { preview: Preview }) {
  const [column, row, slice] = preview.spacing ?? [];
  const mm = (size: number | undefined): string => (size ?? 0).toFixed(2).replace(/0$/, "");
  return (
    <>
      <dl class="facts">
        <dt>{t("Kind")}</dt>
        <dd>{t(FORMATS[preview.format])}{preview.modality && `, ${preview.modality}`}</dd>
        <dt>{t("Slices")}</dt>
        <dd>{preview.slices}</dd>
        <dt>{t("Pixels")}</dt>
        <dd>
          {preview.columns} × {preview.rows}
        </dd>
        <dt>{t("Voxel")}</dt>
        <dd>{preview.spacing ? `${mm(column)} × ${mm(row)} × ${mm(slice)} mm` : t("unknown")}</dd>
      </dl>
      {preview.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
    </>
  );
}
