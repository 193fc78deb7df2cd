/** The slices with their controls: layout, window, tint. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import type { ResultState } from "../job/state";
import { Problems, Spinner } from "../ui/parts";
import { type Layout, type Place, SliceView } from "./view";

const LAYOUTS: [Layout, string][] = [
  ["all", "All"],
  ["axial", "Axial"],
  ["coronal", "Coronal"],
  ["sagittal", "Sagittal"],
];

interface Props {
  id: string;
  state: ResultState;
  onOpen: (view: SliceView | null) => void;
}

export function SlicesPanel({ id, state, onOpen }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<SliceView | null>(null);
  const [problem, setProblem] = useState("");
  const [place, setPlace] = useState<Place | null>(null);
  const [layout, setLayout] = useState<Layout>("all");
  const [fill, setFill] = useState(0.35);
  useEffect(() => {
    const stop = new AbortController();
    const made = new SliceView();
    open(made, canvas.current, id, state, stop.signal, setPlace).then(
      () => {
        setView(made);
        onOpen(made);
      },
      (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)),
    );
    return () => {
      stop.abort();
      onOpen(null);
      if (made.isOpen) made.close();
    };
  }, [id]);
  useEffect(() => (view ? effect(() => view.paint(state.organs, fill, state.selected.value)) : undefined), [view, fill]);
  useEffect(() => (view ? effect(() => void (state.place.value && view.goTo(state.place.value))) : undefined), [view]);
  return (
    <section class="viewer" aria-label="Slices">
      <div class="toolbar" role="group" aria-label="Layout of the slices">
        {LAYOUTS.map(([name, title]) => (
          <button
            key={name}
            type="button"
            aria-pressed={layout === name}
            onClick={() => (setLayout(name), view?.layout(name))}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="stage dark">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label="Slices with outlines. Arrow up and down change the axial slice, left and right the sagittal, comma and full stop the coronal one."
        />
        {!view && !problem && <Spinner text="Loading the volume" />}
      </div>
      <Problems text={problem} />
      <Readout place={place} state={state} />
      {view && <Levels view={view} state={state} fill={fill} onFill={setFill} />}
    </section>
  );
}

async function open(
  view: SliceView,
  canvas: HTMLCanvasElement | null,
  id: string,
  state: ResultState,
  stop: AbortSignal,
  seen: (place: Place) => void,
): Promise<void> {
  const [volume, labels] = await Promise.all([
    api.bytes(api.file(id, "volume.nii.gz"), stop),
    api.bytes(api.file(id, "labels.nii.gz"), stop),
  ]);
  if (!canvas || stop.aborted) return;
  await view.open(canvas, volume, labels, state.organs);
  view.onMove = (place) => {
    seen(place);
    state.place.value = place.lps;
    state.selected.value = state.byLabel(place.label)?.name ?? state.selected.peek();
  };
  view.onWindow = (low, high) => (state.window.value = [low, high]);
  if (state.report.modality === "CT") view.setWindow(-160, 240);
  const { low, high } = view.levels;
  state.window.value = [low, high];
  state.place.value ??= view.place;
}

function Readout({ place, state }: { place: Place | null; state: ResultState }) {
  if (!place) return <p class="readout">Click into a slice to look there; drag with the right button to set the window.</p>;
  const [x, y, z] = place.lps;
  const part = (value: number, plus: string, minus: string): string => `${value >= 0 ? plus : minus} ${Math.abs(value).toFixed(0)}`;
  const organ = state.byLabel(place.label);
  return (
    <p class="readout">
      <strong>{organ ? (state.spoken(organ.name)?.title ?? "An organ") : "No organ"}</strong> at {part(x, "L", "R")}, {part(y, "P", "A")}, {part(z, "S", "I")} mm,
      value {Math.round(place.value * 10) / 10}
    </p>
  );
}

interface LevelProps {
  view: SliceView;
  state: ResultState;
  fill: number;
  onFill: (fill: number) => void;
}

function Levels({ view, state, fill, onFill }: LevelProps) {
  const { least, most } = view.levels;
  const [low, high] = state.window.value ?? [least, most];
  const [level, width] = [(low + high) / 2, high - low];
  const set = (nextLevel: number, nextWidth: number): void => {
    const window: [number, number] = [nextLevel - nextWidth / 2, nextLevel + nextWidth / 2];
    view.setWindow(...window);
    state.window.value = window;
  };
  const step = (most - least) / 200 || 1;
  return (
    <div class="sliders">
      <label>
        Level
        <input type="range" min={least} max={most} step={step} value={level} onInput={(e) => set(Number(e.currentTarget.value), width)} />
      </label>
      <label>
        Width
        <input type="range" min={step} max={most - least} step={step} value={width} onInput={(e) => set(level, Number(e.currentTarget.value))} />
      </label>
      <label>
        Tint
        <input type="range" min={0} max={1} step={0.05} value={fill} onInput={(e) => onFill(Number(e.currentTarget.value))} />
      </label>
    </div>
  );
}
