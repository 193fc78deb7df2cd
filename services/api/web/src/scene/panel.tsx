/** The three-dimensional view with its controls. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { toPatient, type Vector } from "../core/geometry";
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
  onOpen?: (stage: OrganStage | null) => void;
}

export function ScenePanel({ id, state, slices, onPick, onOpen }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [stage, setStage] = useState<OrganStage | null>(null);
  const [problem, setProblem] = useState("");
  const [measuring, setMeasuring] = useState(false);
  const [length, setLength] = useState<number | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let made: OrganStage | null = null;
    const path = `${api.file(id, "model.glb")}?compression=meshopt`;
    api
      .bytes(path, stop.signal)
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
  useSceneKeys(canvas, stage);
  const picked = usePick(stage, state, measuring, setLength, onPick);
  return (
    <section class="viewer" aria-label="Model">
      <Tools stage={stage} state={state} measuring={measuring} onMeasure={setMeasuring} onReset={() => setLength(null)} />
      <div class="stage">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label="Model of the organs. Arrow keys turn it, plus and minus change the distance, Home looks from the front."
          onPointerDown={picked.down}
          onPointerUp={picked.up}
        />
        {!stage && !problem && <Spinner text="Loading the model" />}
        {stage && stage.organs.length === 0 && <p class="empty">No organ was found in this scan.</p>}
      </div>
      <Problems text={problem} />
      <p class="readout" aria-live="polite">
        {measuring
          ? length === null
            ? "Click two points on the organs."
            : `Distance ${length.toFixed(1)} mm`
          : "Drag to turn, wheel to come closer, click an organ to choose it."}
      </p>
    </section>
  );
}

function showOrgans(stage: OrganStage, state: ResultState): void {
  for (const organ of state.organs) {
    const mesh = stage.organ(organ.name);
    if (!mesh) continue;
    mesh.visible = organ.visible.value;
    mesh.fade(organ.opacity.value);
    mesh.highlight(state.selected.value === organ.name);
  }
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
    state.place.value = toPatient(stage.toRoot(hit.point).toArray() as Vector, stage.centre);
  };
  return { down, up };
}

