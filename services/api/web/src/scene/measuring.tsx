/** The tools that measure on surfaces and put arrows there. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { Menu, MenuItem, Tool } from "../ui/parts";
import { useTool } from "./keys";
import type { SurfaceKind } from "./marks";
import type { OrganStage } from "./stage";

const KINDS: [SurfaceKind, Text, string][] = [
  ["length", "Length", "L"],
  ["angle", "Angle", "N"],
  ["polygon", "Area", "R"],
];

/** While organs are apart nothing is measured between them. */
export function MeasureTools({ stage }: { stage: OrganStage | null }) {
  const tool = stage?.measure.tool.value ?? null;
  const off = !stage || stage.apart.value > 0;
  return (
    <>
      <Menu icon="ruler" title={t("Measure between surfaces")} pressed={tool !== null && tool !== "arrow"} disabled={off}>
        {(close) =>
          KINDS.map(([kind, title, key]) => (
            <MenuItem key={kind} title={t(title)} keys={key} chosen={tool === kind} onClick={() => (stage && useTool(stage, kind), close())} />
          ))
        }
      </Menu>
      <Tool icon="arrow" title={t("Arrow with a text")} keys="V" pressed={tool === "arrow"} disabled={off} onClick={() => stage && useTool(stage, "arrow")} />
    </>
  );
}
