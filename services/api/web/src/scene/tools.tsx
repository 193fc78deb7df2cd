/** The tools above the model: sides, measuring, the clip plane, which slice stands in the scene, a picture. */
import { useEffect, useState } from "preact/hooks";
import type { Orientation } from "../core/geometry";
import type { ResultState } from "../job/state";
import { failure } from "../ui/status";
import type { ClipAxis } from "./clip";
import type { OrganStage, Side } from "./stage";

const SIDES: [Side, string][] = [
  ["front", "From the front"],
  ["back", "From the back"],
  ["left", "From the left"],
  ["right", "From the right"],
  ["top", "From the head"],
  ["bottom", "From the feet"],
];
const PLANES: [Orientation, string][] = [
  ["axial", "Axial"],
  ["coronal", "Coronal"],
  ["sagittal", "Sagittal"],
];

interface Props {
  stage: OrganStage | null;
  state: ResultState;
  measuring: boolean;
  onMeasure: (on: boolean) => void;
  onReset: () => void;
}

export function Tools({ stage, state, measuring, onMeasure, onReset }: Props) {
  const measure = (): void => {
    if (measuring) {
      stage?.measure.reset();
      stage?.invalidate();
      onReset();
    }
    onMeasure(!measuring);
  };
  return (
    <div class="toolbar" role="group" aria-label="Tools of the model">
      <label class="inline">
        <span class="sr-only">Look from</span>
        <select value="" onChange={(event) => (stage?.look(event.currentTarget.value as Side), (event.currentTarget.value = ""))}>
          <option value="">Look…</option>
          {SIDES.map(([side, title]) => (
            <option key={side} value={side}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        Slice
        <select
          value={state.plane.value}
          onChange={(event) => (state.plane.value = event.currentTarget.value as Orientation | "none")}
        >
          <option value="none">None</option>
          {PLANES.map(([plane, title]) => (
            <option key={plane} value={plane}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <ClipTool stage={stage} />
      <button type="button" aria-pressed={measuring} onClick={measure}>
        Measure
      </button>
      <button type="button" onClick={() => stage && void picture(stage).catch(failure)}>
        Picture
      </button>
    </div>
  );
}

function ClipTool({ stage }: { stage: OrganStage | null }) {
  const [axis, setAxis] = useState<ClipAxis | "none">("none");
  const [part, setPart] = useState(0.5);
  useEffect(() => {
    if (!stage) return;
    if (axis !== "none") stage.clip.set(axis, part, stage.box.min, stage.box.max);
    stage.setClip(axis !== "none");
  }, [stage, axis, part]);
  return (
    <>
      <label class="inline">
        Clip
        <select value={axis} onChange={(event) => setAxis(event.currentTarget.value as ClipAxis | "none")}>
          <option value="none">Off</option>
          {PLANES.map(([plane, title]) => (
            <option key={plane} value={plane}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {axis !== "none" && (
        <input
          type="range"
          aria-label="Place of the clip plane"
          min={0}
          max={1}
          step={0.01}
          value={part}
          onInput={(event) => setPart(Number(event.currentTarget.value))}
        />
      )}
    </>
  );
}

async function picture(stage: OrganStage): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await stage.screenshot());
  link.download = "viscera.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
