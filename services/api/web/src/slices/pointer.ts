/** The mouse, the wheel and fingers on the slices. */
import type { Tile } from "./grid";
import { isMarkKind } from "./marks";
import { isDrawTool, type SliceView, type ToolName } from "./view";

type Act = ToolName | "pinch";
interface Drag {
  act: Act;
  tile: Tile;
  x: number;
  y: number;
}

/** How hard a pen is pressed, 0 to 1; mouse and fingers always press fully. */
function pressure(event: PointerEvent): number {
  return event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1;
}

const BUTTONS: Record<number, ToolName> = { 1: "pan", 2: "window" };
/** Pixels of a trackpad's wheel events that make one slice. */
const NOTCH = 40;

/** Listens until the function that is returned is called. */
export function listenToPointer(canvas: HTMLCanvasElement, view: SliceView): () => void {
  const fingers = new Map<number, [number, number]>();
  let drag: Drag | null = null;
  let turned = 0;

  const at = (event: MouseEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const down = (event: PointerEvent): void => {
    const [x, y] = at(event);
    const tile = view.tileAt(x, y);
    if (!tile) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    fingers.set(event.pointerId, [x, y]);
    view.active.value = tile.orientation;
    const act: Act = fingers.size > 1 ? "pinch" : (BUTTONS[event.button] ?? view.tool.peek());
    drag = { act, tile, x, y };
    if (act === "point") view.goTo(view.voxelAt(tile, x, y));
    else if (isDrawTool(act)) view.hand?.down(tile.orientation, view.voxelAt(tile, x, y), pressure(event));
    else if (act === "angle" && view.draft.peek()?.orientation === tile.orientation) view.stretch(view.voxelAt(tile, x, y));
    else if (act !== "pinch" && isMarkKind(act)) view.begin(act, tile.orientation, view.voxelAt(tile, x, y));
    else if (act === "pinch") {
      view.draft.value = null;
      view.hand?.cancel();
    }
  };
  const move = (event: PointerEvent): void => {
    const [x, y] = at(event);
    if (!drag) return hover(x, y);
    if (drag.act === "pinch") return pinch(event.pointerId, x, y, drag.tile);
    const [right, below] = [x - drag.x, y - drag.y];
    if (drag.act === "point") view.goTo(view.voxelAt(drag.tile, x, y));
    else if (drag.act === "window") view.drag(right, below);
    else if (drag.act === "pan") view.pan(drag.tile, right, below);
    else if (drag.act === "zoom") view.zoomBy(Math.exp(-below / 120));
    else if (isDrawTool(drag.act)) draw(event, drag.tile);
    else view.stretch(view.voxelAt(drag.tile, x, y));
    drag = { ...drag, x, y };
  };
  /** A fast pen or mouse moves several times between two events. */
  const draw = (event: PointerEvent, tile: Tile): void => {
    const moves = event.getCoalescedEvents();
    for (const each of moves.length > 0 ? moves : [event]) view.hand?.move(view.voxelAt(tile, ...at(each)), pressure(each));
  };
  /** The open leg of an angle follows the pointer between its clicks, and a brush shows its size. */
  const hover = (x: number, y: number): void => {
    if (isDrawTool(view.tool.peek())) {
      const tile = view.tileAt(x, y);
      view.hand?.hover(tile?.orientation ?? "axial", tile && view.voxelAt(tile, x, y));
      return;
    }
    const [draft, tile] = [view.draft.peek(), view.tileAt(x, y)];
    if (draft?.kind === "angle" && tile?.orientation === draft.orientation) view.stretch(view.voxelAt(tile, x, y));
  };
  const pinch = (id: number, x: number, y: number, tile: Tile): void => {
    const other = [...fingers.entries()].find(([finger]) => finger !== id)?.[1];
    const before = fingers.get(id);
    fingers.set(id, [x, y]);
    if (!other || !before) return;
    const spread = ([a, b]: [number, number]): number => Math.max(10, Math.hypot(a - other[0], b - other[1]));
    view.zoomBy(spread([x, y]) / spread(before), tile, (x + other[0]) / 2, (y + other[1]) / 2);
    view.pan(tile, (x - before[0]) / 2, (y - before[1]) / 2);
  };
  const up = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    if (drag?.act === "correct" && event.type === "pointerup") view.ask(drag.tile.orientation, view.voxelAt(drag.tile, ...at(event)));
    else if (drag && isDrawTool(drag.act)) view.hand?.up();
    else if (drag && drag.act !== "pinch") view.finish();
    drag = null;
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const [x, y] = at(event);
    const tile = view.tileAt(x, y);
    if (!tile) return;
    view.active.value = tile.orientation;
    if (event.ctrlKey || event.metaKey) return view.zoomBy(Math.exp(-event.deltaY / 300), tile, x, y);
    turned += event.deltaMode === 0 ? event.deltaY : event.deltaY * NOTCH;
    const count = Math.trunc(turned / NOTCH);
    turned -= count * NOTCH;
    if (count !== 0) view.step(tile.orientation, Math.sign(count) * Math.min(5, Math.abs(count)));
  };
  const menu = (event: Event): void => event.preventDefault();

  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("contextmenu", menu);
  return () => {
    canvas.removeEventListener("pointerdown", down);
    canvas.removeEventListener("pointermove", move);
    canvas.removeEventListener("pointerup", up);
    canvas.removeEventListener("pointercancel", up);
    canvas.removeEventListener("wheel", wheel);
    canvas.removeEventListener("contextmenu", menu);
  };
}
