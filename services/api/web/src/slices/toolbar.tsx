/** The tools on the slices. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { mayWrite } from "../core/session";
import type { IconName } from "../ui/icon";
import { Menu, MenuItem, Tool } from "../ui/parts";
import { isMarkKind } from "./marks";
import type { Layout, SliceView, ToolName } from "./view";
import { levelOf, presets, windowOf } from "./windows";

const LAYOUTS: [Layout, Text, IconName, string][] = [
  ["all", "All planes", "all", "G"],
  ["axial", "Axial", "axial", "A"],
  ["coronal", "Coronal", "coronal", "C"],
  ["sagittal", "Sagittal", "sagittal", "S"],
];
const TOOLS: [ToolName, Text, IconName, string][] = [
  ["window", "Set the window by dragging", "contrast", "W"],
  ["pan", "Move the picture", "hand", "H"],
  ["zoom", "Zoom", "zoom", "Z"],
  ["length", "Measure a length", "ruler", "L"],
  ["angle", "Measure an angle", "angle", "N"],
  ["area", "Measure an area", "roi", "R"],
  ["probe", "Read a value", "probe", "V"],
];

const CHANGING: [ToolName, Text, IconName, string][] = [
  ["correct", "Correct", "edit", "E"],
  ["brush", "Brush", "brush", "Q"],
  ["erase", "Eraser", "eraser", "J"],
  ["lasso", "Fill a loop", "lasso", "K"],
];

/** `reading` leaves out what measures and corrects. */
export function SliceTools({ view, reading = false }: { view: SliceView | null; reading?: boolean }) {
  const layout = view?.layout.value ?? "all";
  const tool = view?.tool.value ?? "point";
  return (
    <div class="toolbar" role="group" aria-label={t("Tools of the slices")}>
      <Menu icon={LAYOUTS.find(([name]) => name === layout)?.[2] ?? "all"} title={t("Planes")}>
        {(close) =>
          LAYOUTS.map(([name, title, , key]) => (
            <MenuItem key={name} title={t(title)} keys={key} chosen={layout === name} onClick={() => (view && (view.layout.value = name), close())} />
          ))
        }
      </Menu>
      <Menu icon="contrast" title={t("Window")} pressed={tool === "window"}>
        {() => view && <WindowPanel view={view} />}
      </Menu>
      <Menu icon="outline" title={t("Outlines")}>
        {() => view && <OutlinePanel view={view} />}
      </Menu>
      <span class="divider" />
      {TOOLS.filter(([name]) => name !== "window" && !(reading && isMarkKind(name))).map(([name, title, icon, key]) => (
        <Tool
          key={name}
          icon={icon}
          title={t(title)}
          keys={key}
          pressed={tool === name}
          disabled={!view}
          onClick={() => view && (view.tool.value = tool === name ? "point" : name)}
        />
      ))}
      {mayWrite() && !reading && (
        <>
          <span class="divider" />
          {CHANGING.map(([name, title, icon, key]) => (
            <Tool key={name} icon={icon} title={t(title)} keys={key} pressed={tool === name} disabled={!view} onClick={() => view && (view.tool.value = tool === name ? "point" : name)} />
          ))}
        </>
      )}
      <span class="divider" />
      <Tool icon="fit" title={t("Fit to the view")} keys="F" disabled={!view} onClick={() => view?.fit()} />
      <Tool
        icon={view?.cine.value ? "pause" : "play"}
        title={t("Play through the slices")}
        keys="P"
        pressed={view?.cine.value ?? false}
        disabled={!view}
        onClick={() => view && (view.cine.value = !view.cine.value)}
      />
    </div>
  );
}

function WindowPanel({ view }: { view: SliceView }) {
  const { state, volume, range } = view;
  const { level, width } = levelOf(state.window.value ?? view.standard);
  const step = range / 500 || 1;
  const set = (next: { level: number; width: number }): void => void (state.window.value = windowOf(next));
  return (
    <>
      {presets(state.report.modality).map((preset) => (
        <MenuItem
          key={preset.key}
          title={t(preset.title)}
          keys={preset.key}
          chosen={Math.abs(preset.level - level) < 1 && Math.abs(preset.width - width) < 1}
          onClick={() => set(preset)}
        />
      ))}
      <MenuItem title={t("Automatic")} keys="0" onClick={() => (state.window.value = volume.robust)} />
      <MenuItem
        title={t("Set the window by dragging")}
        keys="W"
        chosen={view.tool.value === "window"}
        onClick={() => (view.tool.value = view.tool.value === "window" ? "point" : "window")}
      />
      <label class="slider">
        {t("Level")}
        <input type="range" min={volume.least} max={volume.most} step={step} value={level} onInput={(e) => set({ level: Number(e.currentTarget.value), width })} />
      </label>
      <label class="slider">
        {t("Width")}
        <input type="range" min={step} max={range} step={step} value={width} onInput={(e) => set({ level, width: Number(e.currentTarget.value) })} />
      </label>
    </>
  );
}

function OutlinePanel({ view }: { view: SliceView }) {
  return (
    <>
      <MenuItem title={t("Show outlines")} keys="O" chosen={view.outlines.value} onClick={() => (view.outlines.value = !view.outlines.value)} />
      <label class="slider">
        {t("Tint")}
        <input type="range" min={0} max={1} step={0.05} value={view.fill.value} onInput={(e) => (view.fill.value = Number(e.currentTarget.value))} />
      </label>
    </>
  );
}
