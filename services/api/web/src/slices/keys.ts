/** The slices by keyboard. While a tool is chosen, the arrow keys do what dragging would do. */
import type { Orientation, Vector } from "../core/geometry";
import { mayWrite } from "../core/session";
import { isMarkKind } from "./marks";
import { isDrawTool, type Layout, type SliceView, type ToolName } from "./view";
import { presets, windowOf } from "./windows";

const STEPS: Record<string, [Orientation, number]> = {
  PageUp: ["axial", -1],
  PageDown: ["axial", 1],
  ArrowUp: ["axial", -1],
  ArrowDown: ["axial", 1],
  ArrowLeft: ["sagittal", -1],
  ArrowRight: ["sagittal", 1],
  ",": ["coronal", -1],
  ".": ["coronal", 1],
};
const ARROWS: Record<string, [number, number]> = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
/** Pixels of a drag that one press of an arrow key stands for. */
const DRAG = 12;
export const TOOL_KEYS: Record<string, ToolName> = { w: "window", h: "pan", z: "zoom", l: "length", n: "angle", r: "area", v: "probe", e: "correct", q: "brush", j: "erase", k: "lasso" };
export const SIZE_KEYS: Record<string, number> = { "[": 0.8, "]": 1.25 };
export const LAYOUT_KEYS: Record<string, Layout> = { a: "axial", c: "coronal", s: "sagittal", g: "all" };
export const AUTO_KEY = "0";

/** Whether a key that was pressed may act on the views: not while somebody types, or presses a button with it. */
export function isForViews(event: KeyboardEvent): boolean {
  const { target } = event;
  const writes = (target instanceof HTMLInputElement && target.type !== "checkbox") || target instanceof HTMLSelectElement;
  const presses = target instanceof HTMLElement && target.closest("button, a, label") && (event.key === "Enter" || event.key === " ");
  return !(writes || presses || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"));
}

/** Whether the key meant something here. */
export function sliceKey(view: SliceView, key: string): boolean {
  const tool = view.tool.peek();
  const arrow = ARROWS[key];
  if (arrow && (tool === "window" || tool === "pan" || tool === "zoom")) drag(view, tool, arrow);
  else if (arrow && view.draft.peek()) stretch(view, arrow);
  else if (STEPS[key]) view.step(...STEPS[key]);
  else if (key === "Escape") return escape(view);
  else if (key === "Enter") return point(view);
  else return other(view, key.toLowerCase());
  return true;
}

function other(view: SliceView, key: string): boolean {
  const preset = presets(view.state.report.modality).find((one) => one.key === key);
  const last = view.marks.peek().findLast(({ own }) => own);
  if (preset) view.state.window.value = windowOf(preset);
  else if (key === AUTO_KEY) view.state.window.value = view.volume.robust;
  else if (SIZE_KEYS[key] && view.hand) view.hand.resize(SIZE_KEYS[key]);
  else if (TOOL_KEYS[key] && (mayWrite() || !changes(TOOL_KEYS[key]))) view.tool.value = view.tool.peek() === TOOL_KEYS[key] ? "point" : TOOL_KEYS[key];
  else if (LAYOUT_KEYS[key]) view.layout.value = LAYOUT_KEYS[key];
  else if (key === "+" || key === "=") view.zoomBy(1.25);
  else if (key === "-") view.zoomBy(0.8);
  else if (key === "f") view.fit();
  else if (key === "p") view.cine.value = !view.cine.peek();
  else if (key === "o") view.outlines.value = !view.outlines.peek();
  else if ((key === "delete" || key === "backspace") && last) view.remove(last.id);
  else return false;
  return true;
}

/** Whether a tool changes the outlines. */
function changes(tool: ToolName): boolean {
  return tool === "correct" || isDrawTool(tool);
}

function drag(view: SliceView, tool: ToolName, [right, down]: [number, number]): void {
  const [tile] = view.tiles.peek();
  if (tool === "window") view.drag(right * DRAG, down * DRAG);
  else if (tool === "pan" && tile) view.pan(tile, right * 2 * DRAG, down * 2 * DRAG);
  else view.zoomBy(down > 0 || right < 0 ? 0.9 : 1.1);
}

/** Moves the open end of a mark by a voxel. */
function stretch(view: SliceView, [right, below]: [number, number]): void {
  const mark = view.draft.peek();
  if (!mark) return;
  const { across, down } = view.plane(mark.orientation);
  const to = [...(mark.points.at(-1) ?? view.sight.peek().cross)] as Vector;
  to[across.axis] += right * across.sign;
  to[down.axis] += below * down.sign;
  view.stretch(to);
}

/** Enter asks for the organ at the crosshair, draws there, or begins a measurement there and ends it where the arrow keys brought it. */
function point(view: SliceView): boolean {
  const tool = view.tool.peek();
  if (tool === "correct") view.ask(view.active.peek(), view.sight.peek().cross);
  else if (isDrawTool(tool)) view.hand?.dab();
  else if (view.draft.peek()) view.finish();
  else if (isMarkKind(tool)) view.begin(tool, view.active.peek(), view.sight.peek().cross);
  else return false;
  return true;
}

function escape(view: SliceView): boolean {
  if (view.draft.peek()) view.draft.value = null;
  else if (view.tool.peek() !== "point") view.tool.value = "point";
  else if (view.cine.peek()) view.cine.value = false;
  else return false;
  return true;
}
