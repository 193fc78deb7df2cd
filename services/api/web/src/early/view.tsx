/** What is finished while the segmenter works: slices with their outlines, and a preview of the surfaces. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import type { EarlyPart } from "../core/types";
import { finishedSlices } from "./list";
import { joined, type Piece, readLabels } from "./parts";
import { EarlyScene } from "./scene";

interface Props {
  id: string;
  parts: readonly EarlyPart[];
}

export function EarlyView({ id, parts }: Props) {
  return (
    <section class="early" aria-label={t("Early outlines")}>
      <p class="muted">{t("Early outlines: the result can differ.")}</p>
      <div class="early-views">
        <Slices id={id} parts={parts} />
        <Preview parts={parts} />
      </div>
    </section>
  );
}

/** The newest finished slice, until the user chooses one. */
function Slices({ id, parts }: Props) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const numbers = finishedSlices(parts);
  const last = numbers.length - 1;
  const newest = newestSlice(parts);
  const at = chosen === null ? numbers.indexOf(newest) : Math.min(chosen, last);
  const number = numbers[at];
  const address = number === undefined ? null : `${api.file(id, `slices/${number}.png`)}?overlay=1`;
  useEffect(() => {
    if (address === null) return undefined;
    const picture = new Image(); // the picture before stays until the next one is there
    picture.onload = () => setShown(address);
    picture.src = address;
    return () => (picture.onload = null) as unknown as void;
  }, [address]);
  if (number === undefined) return null;
  return (
    <figure>
      <div class="early-picture">{shown && <img src={shown} alt={t("Slice {n} with early outlines", { n: number })} />}</div>
      <label>
        {t("Slice {n}", { n: number })}
        <input
          type="range"
          min={0}
          max={last}
          value={at}
          aria-valuetext={t("Slice {n}", { n: number })}
          onInput={(event) => setChosen(Number(event.currentTarget.value))}
        />
      </label>
    </figure>
  );
}

function newestSlice(parts: readonly EarlyPart[]): number {
  const own = parts.filter((part) => part.axis === 0);
  const [part, before] = [own.at(-1), own.at(-2)];
  if (!part) return -1;
  return before && part.start < before.start ? part.start : part.stop - 1;
}

/** Surfaces of the slices that are finished. */
function Preview({ parts }: { parts: readonly EarlyPart[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<EarlyScene | null>(null);
  const pieces = useRef<Piece[]>([]);
  const [triangles, setTriangles] = useState(0);
  useEffect(() => {
    try {
      if (canvas.current) scene.current = new EarlyScene(canvas.current);
    } catch {
      // without WebGL there are the slices
    }
    return () => scene.current?.close();
  }, []);
  useEffect(() => {
    const stop = new AbortController();
    void add(pieces, parts, stop.signal).then((isNew) => {
      const labels = isNew && !stop.signal.aborted ? joined(pieces.current) : null;
      if (labels && scene.current) setTriangles(scene.current.show(labels));
    });
    return () => stop.abort();
  }, [parts]);
  return (
    <div class="early-preview" data-triangles={triangles}>
      <canvas ref={canvas} role="img" aria-label={t("Preview of the organs' surfaces, from the front")} />
    </div>
  );
}

/** Downloads the parts that are new; of a part that is gone (204, without bytes) there is nothing to show. */
async function add(pieces: { current: Piece[] }, parts: readonly EarlyPart[], signal: AbortSignal): Promise<boolean> {
  const known = pieces.current.filter((piece) => parts.includes(piece.part));
  const missing = parts.filter((part) => !known.some((piece) => piece.part === part));
  const found = await Promise.all(
    missing.map(async (part) => {
      try {
        const bytes = await api.bytes(part.href, signal);
        return bytes.byteLength > 0 ? [{ part, labels: await readLabels(bytes) }] : [];
      } catch {
        return [];
      }
    }),
  );
  if (signal.aborted) return false;
  pieces.current = [...known, ...found.flat()];
  return found.flat().length > 0;
}
