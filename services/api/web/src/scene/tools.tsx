/** The tools on the model: sides, which slice stands in the scene, the clip plane, measuring, a picture. */
import { useEffect, useState } from "preact/hooks";
import type { Orientation } from "../core/geometry";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { ResultState } from "../job/state";
import { Menu, MenuItem, Tool } from "../ui/parts";
import { failure } from "../ui/status";
import type { ClipAxis } from "./clip";
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
      <ClipTool stage={stage} />
      <span class="divider" />
      <Tool icon="ruler" title={t("Measure between surfaces")} pressed={measuring} disabled={!stage} onClick={measure} />
      <Tool icon="fit" title={t("Look from the front")} keys="Home" disabled={!stage} onClick={() => stage?.look("front")} />
      <Tool icon="camera" title={t("Save a picture")} disabled={!stage} onClick={() => stage && void picture(stage).catch(failure)} />
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

async function picture(stage: OrganStage): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await stage.screenshot());
  link.download = "viscera.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
