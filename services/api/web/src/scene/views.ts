/** Saved views of the model: what they have of it, and how the page comes back to one. */
import { batch, signal } from "@preact/signals";
import { Vector3 } from "three";
import { toPatient, toScene, type Vector } from "../core/geometry";
import { newId } from "../core/ids";
import type { Look } from "../core/types";
import type { ResultState } from "../job/state";
import type { View } from "../measure/shelves";
import type { OrganStage } from "./stage";

export class SavedViews {
  readonly items = signal<View[]>([]);
  /** The view that was shown or saved last. */
  readonly shown = signal<string | null>(null);

  constructor(
    private readonly stage: OrganStage,
    private readonly state: ResultState,
  ) {}

  save(name: string): void {
    const view = { id: newId(), label: name.trim(), look: lookOf(this.stage, this.state) };
    this.items.value = [...this.items.peek(), view];
    this.shown.value = view.id;
  }

  show({ id, look }: View): void {
    showLook(this.stage, this.state, look);
    this.shown.value = id;
  }

  /** Shows the next view in the list, or the one before; false if there is none. */
  step(by: 1 | -1): View | null {
    const views = this.items.peek();
    const at = views.findIndex(({ id }) => id === this.shown.peek());
    const view = views[at < 0 ? (by > 0 ? 0 : views.length - 1) : (at + by + views.length) % views.length];
    if (view) this.show(view);
    return view ?? null;
  }

  rename(id: string, label: string): void {
    this.items.value = this.items.peek().map((view) => (view.id === id ? { ...view, label } : view));
  }

  remove(id: string): void {
    this.items.value = this.items.peek().filter((view) => view.id !== id);
  }
}

/** The distance is that of a view which is at least as wide as high: a narrow one shows as much from farther away. */
function narrowness(stage: OrganStage): number {
  return Math.min(1, stage.camera.aspect);
}

export function lookOf(stage: OrganStage, state: ResultState): Look {
  const target = stage.toRoot(stage.controls.target);
  const camera = stage.toRoot(stage.camera.position).sub(target).multiplyScalar(narrowness(stage)).add(target);
  const shown = state.organs.map((organ) => ({ label: organ.label, opacity: organ.visible.peek() ? organ.opacity.peek() : 0 }));
  const plane = state.plane.peek();
  return {
    camera: toPatient(camera.toArray() as Vector, stage.centre),
    target: toPatient(target.toArray() as Vector, stage.centre),
    opacities: shown.filter(({ opacity }) => opacity < 1),
    xray: stage.xray.peek(),
    apart: stage.apart.peek(),
    cut: stage.cut.peek(),
    plane: plane === "none" ? null : plane,
    place: state.place.peek(),
  };
}

export function showLook(stage: OrganStage, state: ResultState, look: Look): void {
  const opacities = new Map(look.opacities.map(({ label, opacity }) => [label, opacity]));
  batch(() => {
    for (const organ of state.organs) {
      const opacity = opacities.get(organ.label) ?? 1;
      organ.visible.value = opacity > 0;
      if (opacity > 0) organ.opacity.value = opacity;
    }
    state.plane.value = look.plane ?? "none";
    if (look.place) state.place.value = look.place;
    stage.cut.value = look.cut;
    if (look.apart > 0) stage.measure.use(null);
  });
  stage.setXray(look.xray);
  stage.spread(look.apart);
  const place = (point: Vector): Vector3 => stage.root.localToWorld(new Vector3(...toScene(point, stage.centre)));
  const target = place(look.target);
  stage.controls.target.copy(target);
  stage.camera.position.copy(place(look.camera)).sub(target).divideScalar(narrowness(stage)).add(target);
  stage.controls.update();
  stage.invalidate();
}
