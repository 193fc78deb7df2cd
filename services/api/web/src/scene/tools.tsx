/** The tools on the model: sides, which slice stands in the scene, the clip plane, measuring, a picture. */
import { useEffect, useState } from "preact/hooks";
import { Vector3 } from "three";
import { type Orientation, toPatient, type Vector } from "../core/geometry";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { ResultState } from "../job/state";
import { Menu, MenuItem, Tool } from "../ui/parts";
import type { SliceView } from "../slices/view";
import type { ClipAxis } from "./clip";
import { SaveMenu, ShowTools } from "./show";
import type { OrganStage, Side } from "./stage";

const SIDES: [Side, Text][] = [
  ["front", "From the front"],
  ["back", "From the back"],
  ["left", "From the left"],
  ["right", "From the right"],
  ["top", "From the head"],
  ["bottom", "From the feet"],
];
const PLANES: [Orientation, Text][] = [
  ["axial", "Axial"],
  ["coronal", "Coronal"],
  ["sagittal", "Sagittal"],
];

interface Props {
  stage: OrganStage | null;
  state: ResultState;
  slices: SliceView | null;
  measuring: boolean;
  onMeasure: (on: boolean) => void;
  onReset: () => void;
}

export function Tools({ stage, state, slices, measuring, onMeasure, onReset }: Props) {
  const measure = (): void => {
    if (measuring) {
      stage?.measure.reset();
      stage?.invalidate();
      onReset();
    }
    onMeasure(!measuring);
  };
  return (
    <div class="toolbar" role="group" aria-label={t("Tools of the model")}>
      <Menu icon="cube" title={t("Look from")}>
        {(close) => SIDES.map(([side, title]) => <MenuItem key={side} title={t(title)} onClick={() => (stage?.look(side), close())} />)}
      </Menu>
      <Menu icon="slice" title={t("Slice in the model")} pressed={state.plane.value !== "none"}>
        {(close) =>
          [["none", "None"] as const, ...PLANES].map(([plane, title]) => (
            <MenuItem key={plane} title={t(title)} chosen={state.plane.value === plane} onClick={() => ((state.plane.value = plane), close())} />
          ))
        }
      </Menu>
      <ClipTool stage={stage} state={state} slices={slices} />
      <ShowTools stage={stage} onSpread={() => measuring && measure()} />
      <span class="divider" />
      <Tool icon="ruler" title={t("Measure between surfaces")} pressed={measuring} disabled={!stage || stage.apart.value > 0} onClick={measure} />
      <Tool icon="fit" title={t("Look from the front")} keys="Home" disabled={!stage} onClick={() => stage?.look("front")} />
      <SaveMenu stage={stage} />
    </div>
  );
}

function ClipTool({ stage, state, slices }: { stage: OrganStage | null; state: ResultState; slices: SliceView | null }) {
  const [axis, setAxis] = useState<ClipAxis | "none">("none");
  const [part, setPart] = useState(0.5);
  const window = state.window.value;
  useEffect(() => {
    if (!stage) return;
    if (axis !== "none") stage.clip.set(axis, part, stage.box.min, stage.box.max);
    stage.setClip(axis !== "none");
    if (axis !== "none" && slices) cutAlongSlice(stage, slices, axis);
  }, [stage, slices, axis, part, window]);
  return (
      <Menu icon="clip" title={t("Cut open")} pressed={axis !== "none"}>
        {() => (
          <>
            {[["none", "Off"] as const, ...PLANES].map(([name, title]) => (
              <MenuItem key={name} title={t(title)} chosen={axis === name} onClick={() => setAxis(name)} />
            ))}
            {axis !== "none" && (
              <label class="slider">
                {t("Place of the cut")}
                <input type="range" min={0} max={1} step={0.01} value={part} onInput={(event) => setPart(Number(event.currentTarget.value))} />
              </label>
            )}
          </>
        )}
      </Menu>
  );
}

/** Moves the cut to the nearest slice of the scan, so that the closed ends show it. */
function cutAlongSlice(stage: OrganStage, slices: SliceView, axis: ClipAxis): void {
  const at = stage.clip.local.projectPoint(stage.box.getCenter(new Vector3()), new Vector3());
  const slab = slices.slab(toPatient(at.toArray() as Vector, stage.centre), axis, stage.centre);
  stage.cutAlong(slab, slices.pixels(slab));
}
