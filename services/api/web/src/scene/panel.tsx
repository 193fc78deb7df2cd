/** The three-dimensional view with its tools. */
import { effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { toPatient, type Vector } from "../core/geometry";
import { t } from "../core/language";
import type { ResultState } from "../job/state";
import type { SliceView } from "../slices/view";
import { Problems, Spinner } from "../ui/parts";
import { say } from "../ui/status";
import { expose } from "./hook";
import { useSceneKeys } from "./keys";
import type { Measure } from "./measure";
import { MeasureReadout } from "./readout";
import { useSavedViews, ViewsMenu } from "./saved";
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
  const { views, problem: unsaved } = useSavedViews(id, stage, state);
  const [acts] = useState(() => ({ step: (_: 1 | -1): void => undefined }));
  acts.step = (by) => {
    const view = views?.step(by);
    say(view ? t("View: {name}", { name: view.label }) : t("No view was saved yet."));
  };
  useSceneKeys(canvas, stage, acts);
  const picked = usePick(stage, state, onPick);
  const tool = stage?.measure.tool.value ?? null;
  const hover = (event: PointerEvent): void => {
    if (!stage) return;
    const { offsetX: x, offsetY: y, buttons, pointerType } = event;
    const hit = buttons === 0 ? stage.pickAt(x, y) : null;
    pointed.value = hit?.object.name ?? null;
    stage.measure.crosshair.value = null;
    if (tool && buttons === 0 && pointerType !== "touch") stage.aimAt(x, y);
  };
  const named = state.spoken(pointed.value ?? state.selected.value ?? "");
  return (
    <section class="viewer" aria-label={t("Model")} data-view="model">
      <Tools stage={stage} state={state} slices={slices}>
        {views && <ViewsMenu views={views} problem={unsaved} />}
      </Tools>
      <div class="stage model" data-tool={tool ?? "turn"}>
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
        {stage && tool && <Crosshair measure={stage.measure} />}
        {!stage && !problem && <Spinner text={t("Loading the model")} />}
        {stage && stage.organs.length === 0 && <p class="empty">{t("No organ was found in this scan.")}</p>}
        {(stage?.draft.names.value.size ?? 0) > 0 && <p class="draft-note">{t("Preview of what is drawn, not saved")}</p>}
        <Problems text={problem} />
      </div>
      <p class="readout" aria-live="polite">
        {stage && tool ? (
          <MeasureReadout key={tool} measure={stage.measure} tool={tool} />
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

/** What arrow keys move while something is measured. */
function Crosshair({ measure }: { measure: Measure }) {
  const at = measure.crosshair.value;
  if (!at) return null;
  return (
    <svg class="aim" aria-hidden="true" style={{ left: `${at[0]}px`, top: `${at[1]}px` }} viewBox="-12 -12 24 24" width={24} height={24}>
      <path d="M-11 0H-3M3 0H11M0 -11V-3M0 3V11" />
    </svg>
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
    if (stage.measure.tool.peek()) {
      stage.pointAt(event.offsetX, event.offsetY);
      return;
    }
    state.selected.value = hit.object.name;
    state.place.value = toPatient(stage.toRoot(hit.point).sub(hit.object.moved).toArray() as Vector, stage.centre);
  };
  return { down, up };
}
