/** The tools on the model: sides, which slice stands in the scene, the clip plane, measuring, a picture. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Vector3 } from "three";
import { type Orientation, toPatient, type Vector } from "../core/geometry";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { ResultState } from "../job/state";
import { Menu, MenuItem, Tool } from "../ui/parts";
import type { SliceView } from "../slices/view";
import type { ClipAxis } from "./clip";
import { MeasureTools } from "./measuring";
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
  /** More of them. */
  children?: ComponentChildren;
}

export function Tools({ stage, state, slices, children }: Props) {
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
      <ShowTools stage={stage} onSpread={() => stage?.measure.use(null)} />
      <span class="divider" />
      <MeasureTools stage={stage} />
      {children}
      <Tool icon="fit" title={t("Look from the front")} keys="Home" disabled={!stage} onClick={() => stage?.look("front")} />
      <SaveMenu stage={stage} />
    </div>
  );
}

function ClipTool({ stage, state, slices }: { stage: OrganStage | null; state: ResultState; slices: SliceView | null }) {
  const cut = stage?.cut.value ?? null;
  const axis = cut?.axis ?? "none";
  const window = state.window.value;
  useEffect(() => {
    if (!stage) return;
    if (cut) stage.clip.set(cut.axis, cut.part, stage.box.min, stage.box.max);
    stage.setClip(!!cut);
    if (cut && slices) cutAlongSlice(stage, slices, cut.axis);
  }, [stage, slices, cut, window]);
  const set = (next: ClipAxis | "none", part = stage?.cut.peek()?.part ?? 0.5): void => {
    if (stage) stage.cut.value = next === "none" ? null : { axis: next, part };
  };
  return (
      <Menu icon="clip" title={t("Cut open")} pressed={axis !== "none"}>
        {() => (
          <>
            {[["none", "Off"] as const, ...PLANES].map(([name, title]) => (
              <MenuItem key={name} title={t(title)} chosen={axis === name} onClick={() => set(name)} />
            ))}
            {cut && (
              <label class="slider">
                {t("Place of the cut")}
                <input type="range" min={0} max={1} step={0.01} value={cut.part} onInput={(event) => set(cut.axis, Number(event.currentTarget.value))} />
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
