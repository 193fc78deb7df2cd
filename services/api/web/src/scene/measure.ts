/** What is measured and marked on surfaces: the shapes, the one that is being made, and how they get their points. */
import { effect, signal } from "@preact/signals";
import { type Camera, Group, Vector3 } from "three";
import { toPatient, toScene, type Vector } from "../core/geometry";
import { newId } from "../core/ids";
import { COMPLETE, LEAST_CORNERS, type SurfaceKind, type SurfaceMark, type SurfaceShape, valueOf } from "./marks";
import { MarkDrawing } from "./drawn";

/** Points nearer than this are the same place, in mm. */
const SAME_MM = 0.05;
/** An arrow's length, and how far it leans to the right and up as it is seen when it is made, in metres. */
const ARROW = 0.05;
const LEAN = 0.9;
const DRAFT = "draft";

export class Measure extends Group {
  /** What the next points make; null while a press turns the model. */
  readonly tool = signal<SurfaceKind | null>(null);
  readonly marks = signal<SurfaceMark[]>([]);
  /** The shape that points are missing of; an arrow that has both waits for its text. */
  readonly draft = signal<SurfaceShape | null>(null);
  /** The mark that was chosen in the list. */
  readonly chosen = signal<string | null>(null);
  /** Where the pointer is on a surface; the next point would be there. */
  readonly aim = signal<Vector | null>(null);
  /** The crosshair that arrow keys move, in pixels of the canvas; null while a pointer is used. */
  readonly crosshair = signal<[number, number] | null>(null);
  /** The place of the patient at the origin, LPS mm. */
  readonly centre = signal<Vector>([0, 0, 0]);
  private readonly drawing = new MarkDrawing();
  /** Apart from the others, which stay while the pointer moves. */
  private readonly sketch = new MarkDrawing();
  private ends: (() => void)[] = [];

  constructor() {
    super();
    this.add(this.drawing, this.sketch);
  }

  /** Draws at every change; `changed` draws the scene again. */
  follow(changed: () => void): void {
    const place = (point: Vector): Vector3 => new Vector3(...toScene(point, this.centre.value));
    this.ends = [
      effect(() => {
        this.drawing.set(this.marks.value, this.chosen.value, place);
        changed();
      }),
      effect(() => {
        const open = this.open;
        this.sketch.set(open ? [{ ...open, id: DRAFT, label: "", own: true }] : [], DRAFT, place);
        changed();
      }),
    ];
  }

  close(): void {
    for (const end of this.ends) end();
    this.drawing.clear();
    this.sketch.clear();
  }

  /** The draft with the place that is aimed at as its last point. */
  private get open(): SurfaceShape | null {
    const [draft, aim] = [this.draft.value, this.aim.value];
    return draft && aim && draft.points.length < COMPLETE[draft.kind] ? { ...draft, points: [...draft.points, aim] } : draft;
  }

  /** mm of the length that was measured last, null while there is none. */
  get length(): number | null {
    const last = this.marks.peek().findLast(({ kind, own }) => kind === "length" && own);
    return last ? valueOf(last) : null;
  }

  /** Chooses what the next points make; the same again makes nothing. */
  use(tool: SurfaceKind | null): void {
    this.draft.value = this.aim.value = this.crosshair.value = null;
    this.tool.value = tool === this.tool.peek() ? null : tool;
  }

  /** Takes a point in metres of the scene. `camera` says from where an arrow is seen that points there. */
  take(point: Vector3, camera?: Camera): void {
    const kind = this.tool.peek() ?? "length";
    const before = this.draft.peek() ?? { kind, points: [] };
    const at = toPatient(point.toArray() as Vector, this.centre.peek());
    if (before.kind === "arrow" && before.points.length > 0) return;
    if (this.closes(before, at)) return this.finish();
    if (before.points.some((other) => apart(other, at) < SAME_MM)) return;
    const points = [...before.points, at];
    if (kind === "arrow" && camera) points.push(toPatient(this.tail(point, camera).toArray() as Vector, this.centre.peek()));
    this.draft.value = { kind, points };
    if (points.length === COMPLETE[kind] && kind !== "arrow") this.finish();
  }

  /** Whether a point at the first or the last corner ends the polygon. */
  private closes({ kind, points }: SurfaceShape, at: Vector): boolean {
    const ends = [points[0], points.at(-1)];
    return kind === "polygon" && points.length >= LEAST_CORNERS && ends.some((end) => end && apart(end, at) < this.reach);
  }

  /** How near to a corner a point must be to close a polygon, in mm; it follows the camera. */
  private get reach(): number {
    return Math.max(SAME_MM, this.drawing.pixel * 9000);
  }

  /** Where an arrow begins: before the surface, to the right and above it. */
  private tail(point: Vector3, camera: Camera): Vector3 {
    const [right, up, back] = [new Vector3(), new Vector3(), new Vector3()];
    const local = camera.matrixWorld.clone().premultiply((this.parent ?? this).matrixWorld.clone().invert());
    local.extractBasis(right, up, back);
    const toEye = new Vector3().setFromMatrixPosition(local).sub(point).normalize();
    return toEye.addScaledVector(right.normalize(), LEAN / 2).addScaledVector(up.normalize(), LEAN).normalize().multiplyScalar(ARROW).add(point);
  }

  /** Ends the draft, an arrow with its text; what has too few points is left open. */
  finish(label = ""): void {
    const draft = this.draft.peek();
    if (!draft || (draft.kind === "arrow" ? !label.trim() : valueOf(draft) === null)) return;
    this.draft.value = this.aim.value = null;
    this.marks.value = [...this.marks.peek(), { ...draft, id: newId(), label: label.trim(), own: true }];
  }

  /** Takes the last point back; false if there is none. */
  undo(): boolean {
    const draft = this.draft.peek();
    if (!draft) return false;
    const points = draft.kind === "arrow" ? [] : draft.points.slice(0, -1);
    this.draft.value = points.length > 0 ? { ...draft, points } : null;
    return true;
  }

  /** Removes what was made last since the result was opened; false if there is none. */
  removeLast(): boolean {
    const last = this.marks.peek().findLast(({ own }) => own);
    if (last) this.erase(last.id);
    return !!last;
  }

  erase(id: string): void {
    this.marks.value = this.marks.peek().filter((mark) => mark.id !== id);
  }

  rename(id: string, label: string): void {
    this.marks.value = this.marks.peek().map((mark) => (mark.id === id ? { ...mark, label } : mark));
  }

  /** Drops the draft. */
  reset(): void {
    this.draft.value = this.aim.value = null;
  }

  /** Turns captions to the viewer and gives dots and captions their size; `pixel` is that of a pixel, 1 m away. */
  face(camera: Camera, pixel: number): void {
    this.drawing.face(camera, pixel);
    this.sketch.face(camera, pixel);
  }
}

function apart(a: Vector, b: Vector): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
