/** The three-dimensional view with its tools. */
import { effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { toPatient, type Vector } from "../core/geometry";
import { t } from "../core/language";
import type { ResultState } from "../job/state";
import type { SliceView } from "../slices/view";
import { Problems, Spinner } from "../ui/parts";
import { expose } from "./hook";
import { useSceneKeys } from "./keys";
import { OrganStage } from "./stage";
import { Tools } from "./tools";

interface Props {
  id: string;
  state: ResultState;
  slices: SliceView | null;
  /** Takes a pick before it chooses an organ; true means it is dealt with. */
  onPick?: (name: string) => boolean;
  /** Loads the model, where it is not that of a job. */
  source?: (stop: AbortSignal) => Promise<ArrayBuffer>;
  onOpen?: (stage: OrganStage | null) => void;
}

export function ScenePanel({ id, state, slices, onPick, source, onOpen }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [stage, setStage] = useState<OrganStage | null>(null);
  const [problem, setProblem] = useState("");
  const [measuring, setMeasuring] = useState(false);
  const [length, setLength] = useState<number | null>(null);
  const [pointed] = useState(() => signal<string | null>(null));
  useEffect(() => {
    const stop = new AbortController();
    let made: OrganStage | null = null;
    (source ? source(stop.signal) : api.model(id, state.revision, stop.signal))
      .then(async (bytes) => {
        if (!canvas.current) return;
        made = new OrganStage(canvas.current);
        await made.load(bytes);
        setStage(made);
        onOpen?.(made);
      })
      .catch((error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => {
      stop.abort();
      onOpen?.(null);
      made?.close();
    };
  }, [id]);
  useEffect(() => (stage ? expose(stage, state) : undefined), [stage]);
  useEffect(() => (stage ? effect(() => showOrgans(stage, state)) : undefined), [stage]);
  useEffect(() => (stage && slices ? effect(() => showPlane(stage, state, slices)) : undefined), [stage, slices]);
  useSceneKeys(canvas, stage, () => setMeasuring(false));
  const picked = usePick(stage, state, measuring, setLength, onPick);
  const hover = (event: PointerEvent): void => {
    const hit = event.buttons === 0 && stage ? stage.pickAt(event.offsetX, event.offsetY) : null;
    pointed.value = hit?.object.name ?? null;
  };
  const named = state.spoken(pointed.value ?? state.selected.value ?? "");
  return (
    <section class="viewer" aria-label={t("Model")} data-view="model">
      <Tools stage={stage} state={state} slices={slices} measuring={measuring} onMeasure={setMeasuring} onReset={() => setLength(null)} />
      <div class="stage model" data-tool={measuring ? "length" : "turn"}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={t("Model of the organs. Arrow keys turn it, plus and minus change the distance, Home looks from the front.")}
          onPointerDown={picked.down}
          onPointerUp={picked.up}
          onPointerMove={hover}
          onPointerLeave={() => (pointed.value = null)}
        />
        {!stage && !problem && <Spinner text={t("Loading the model")} />}
        {stage && stage.organs.length === 0 && <p class="empty">{t("No organ was found in this scan.")}</p>}
        {(stage?.draft.names.value.size ?? 0) > 0 && <p class="draft-note">{t("Preview of what is drawn, not saved")}</p>}
        <Problems text={problem} />
      </div>
      <p class="readout" aria-live="polite">
        {measuring ? (
          <span>{length === null ? t("Click two points on the organs.") : t("Distance {length} mm", { length: length.toFixed(1) })}</span>
        ) : named ? (
          <>
            <b>{named.title}</b>
            <span>{named.volume}</span>
          </>
        ) : (
          <span>{t("Drag turns, the wheel zooms, a click chooses.")}</span>
        )}
      </p>
    </section>
  );
}

function showOrgans(stage: OrganStage, state: ResultState): void {
  void stage.loaded.value;
  for (const organ of state.organs) {
    const mesh = stage.organ(organ.name);
    if (!mesh) continue;
    mesh.visible = organ.visible.value && !stage.draft.names.value.has(organ.name);
    mesh.fade(organ.opacity.value);
    mesh.paint(state.colourOf(organ));
    mesh.highlight(state.isMarked(organ.name));
  }
  stage.draft.show(state.organs);
  // The letters of the patient's sides would give the answer.
  if (stage.letters) stage.letters.visible = !state.lesson.value?.choices.value;
  stage.invalidate();
}

function showPlane(stage: OrganStage, state: ResultState, slices: SliceView): void {
  const plane = state.plane.value;
  const place = state.place.value;
  if (plane === "none" || !place || !state.window.value) stage.plane.hide();
  else {
    const slab = slices.slab(place, plane, stage.centre);
    stage.plane.show(slab, slices.pixels(slab));
  }
  stage.invalidate();
}

/** A click chooses what lies under it and moves the slices there; a drag turns the scene and chooses nothing. */
function usePick(
  stage: OrganStage | null,
  state: ResultState,
  measuring: boolean,
  measured: (length: number | null) => void,
  onPick?: (name: string) => boolean,
) {
  const from = useRef<[number, number]>([0, 0]);
  const down = (event: PointerEvent): void => {
    from.current = [event.offsetX, event.offsetY];
  };
  const up = (event: PointerEvent): void => {
    const moved = Math.hypot(event.offsetX - from.current[0], event.offsetY - from.current[1]);
    const hit = stage && moved < 5 ? stage.pickAt(event.offsetX, event.offsetY) : null;
    if (!stage || !hit) return;
    if (onPick?.(hit.object.name)) return;
    if (measuring) {
      stage.measure.take(stage.toRoot(hit.point));
      measured(stage.measure.length);
      stage.invalidate();
      return;
    }
    state.selected.value = hit.object.name;
    state.place.value = toPatient(stage.toRoot(hit.point).sub(hit.object.moved).toArray() as Vector, stage.centre);
  };
  return { down, up };
}
