/** The scene by keyboard. While something is measured, the arrow keys move a crosshair, and with Shift they turn the model. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../core/language";
import { say } from "../ui/status";
import type { SurfaceKind } from "./marks";
import type { OrganStage } from "./stage";

const TURN = Math.PI / 24;
/** Pixels. */
const STEP = 10;
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ACTIONS: Record<string, (stage: OrganStage) => void> = {
  "+": (stage) => stage.orbit(0, 0, 0.9),
  "-": (stage) => stage.orbit(0, 0, 1.1),
  Home: (stage) => stage.look("front"),
};
export const TOOL_KEYS: Record<string, SurfaceKind> = { l: "length", n: "angle", r: "polygon", v: "arrow" };
const PAGES: Record<string, 1 | -1> = { PageUp: -1, PageDown: 1 };

interface Acts {
  /** Shows the next or the previous saved view. */
  step: (by: 1 | -1) => void;
}

export function useSceneKeys(canvas: RefObject<HTMLCanvasElement>, stage: OrganStage | null, acts: Acts): void {
  useEffect(() => {
    const element = canvas.current;
    if (!element || !stage) return undefined;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || !act(event, stage, acts)) return;
      event.preventDefault();
      event.stopPropagation();
    };
    element.addEventListener("keydown", pressed);
    return () => element.removeEventListener("keydown", pressed);
  }, [stage, acts]);
}

/** Whether the key meant something here. */
function act(event: KeyboardEvent, stage: OrganStage, acts: Acts): boolean {
  const { key, shiftKey } = event;
  const [arrow, action, tool, page] = [ARROWS[key], ACTIONS[key], TOOL_KEYS[key.toLowerCase()], PAGES[key]];
  if (arrow && stage.measure.tool.peek() && !shiftKey) aimAt(stage, moved(stage, arrow));
  else if (arrow) stage.orbit(arrow[0] * TURN, arrow[1] * TURN);
  else if (action) action(stage);
  else if (tool) useByKey(stage, tool);
  else if (page) acts.step(page);
  else return edit(key, stage);
  const { crosshair, tool: inUse } = stage.measure;
  if (inUse.peek() && crosshair.peek()) stage.aimAt(...(crosshair.peek() as [number, number]));
  return true;
}

/** Chooses what the next points make, where the organs are as they lie. */
export function useTool(stage: OrganStage, tool: SurfaceKind | null): void {
  if (stage.apart.peek() > 0) say(t("Put the organs back as they lie first."));
  else stage.measure.use(tool);
}

function useByKey(stage: OrganStage, tool: SurfaceKind): void {
  useTool(stage, tool);
  if (!stage.measure.tool.peek()) return;
  say(t("Enter sets a point at the crosshair, the arrow keys move it, Escape ends."));
  aimAt(stage, middle(stage.canvas));
}

function edit(key: string, stage: OrganStage): boolean {
  const { measure } = stage;
  const inUse = measure.tool.peek() !== null;
  if (key === "Enter" && inUse) point(stage);
  else if (key === "Escape" && measure.draft.peek()) measure.reset();
  else if (key === "Escape" && inUse) measure.use(null);
  else if (key === "Delete" || key === "Backspace") return measure.undo() || (key === "Delete" && measure.removeLast()) || inUse;
  else return false;
  return true;
}

function moved({ measure, canvas }: OrganStage, [right, down]: [number, number]): [number, number] {
  const [x, y] = measure.crosshair.peek() ?? middle(canvas);
  const within = (at: number, size: number): number => Math.min(size - 1, Math.max(0, at));
  return [within(x + right * STEP, canvas.clientWidth), within(y + down * STEP, canvas.clientHeight)];
}

function middle(canvas: HTMLCanvasElement): [number, number] {
  return [Math.round(canvas.clientWidth / 2), Math.round(canvas.clientHeight / 2)];
}

function aimAt(stage: OrganStage, at: [number, number]): void {
  stage.measure.crosshair.value = at;
  stage.aimAt(...at);
}

/** Sets a point under the crosshair, which begins in the middle. */
function point(stage: OrganStage): void {
  const at = stage.measure.crosshair.peek() ?? middle(stage.canvas);
  stage.measure.crosshair.value = at;
  if (!stage.pointAt(...at)) say(t("There is no organ under the crosshair."));
}
