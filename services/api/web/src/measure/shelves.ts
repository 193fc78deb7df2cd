/** What keepers keep: measurements on slices, measurements and arrows on the model, views of the model. */
import type { Signal } from "@preact/signals";
import { api } from "../core/api";
import type { Text } from "../core/languages/de";
import type { Look, Measured, SliceBody, SurfaceBody, ViewOfModel } from "../core/types";
import type { SurfaceMark } from "../scene/marks";
import type { Mark } from "../slices/marks";
import type { SliceView } from "../slices/view";

/** What is kept; its label is what may be changed of it. */
export interface Item {
  id: string;
  label: string;
}

export interface Saved extends Item {
  etag: string;
}

export interface Shelf<One extends Item, Stored extends Saved> {
  readonly items: Signal<One[]>;
  readonly words: { unsaved: Text; unloaded: Text; failed: Text; changed: Text };
  list: () => Promise<Stored[]>;
  put: (item: One, tag?: string) => Promise<Stored>;
  drop: (id: string) => Promise<void>;
  itemOf: (saved: Stored) => One;
}

const MEASUREMENTS = {
  unsaved: "Measurements are not saved yet. Trying again.",
  unloaded: "Measurements can't be loaded yet. Trying again.",
  failed: "A measurement was not saved.",
  changed: "Somebody else changed this measurement meanwhile. It is shown as it is now.",
} as const;
const VIEWS = {
  unsaved: "Views are not saved yet. Trying again.",
  unloaded: "Views can't be loaded yet. Trying again.",
  failed: "A view was not saved.",
  changed: "Somebody else changed this view meanwhile. It is shown as it is now.",
} as const;

type Space = Pick<SliceView, "toPatient" | "toVoxel">;
type OnSlice = SliceBody & Measured;
type OnSurface = SurfaceBody & Measured;

export function bodyOf(space: Space, { kind, orientation, points, label }: Mark): SliceBody {
  return { kind, plane: orientation, points: points.map((point) => space.toPatient(point)), label };
}

export function markOf(space: Space, { id, kind, plane, points, label }: OnSlice): Mark {
  return { id, kind, orientation: plane, points: points.map((point) => space.toVoxel(point)), label, own: false };
}

export function onSlices(id: string, view: SliceView): Shelf<Mark, OnSlice> {
  return {
    items: view.marks,
    words: MEASUREMENTS,
    list: async () => (await api.measurements(id)).filter((one): one is OnSlice => one.plane !== "surface"),
    put: (mark, tag) => api.measure(id, mark.id, bodyOf(view, mark), tag),
    drop: (mark) => api.unmeasure(id, mark),
    itemOf: (saved) => markOf(view, saved),
  };
}

export function onSurfaces(id: string, marks: Signal<SurfaceMark[]>): Shelf<SurfaceMark, OnSurface> {
  return {
    items: marks,
    words: MEASUREMENTS,
    list: async () => (await api.measurements(id)).filter((one): one is OnSurface => one.plane === "surface"),
    put: ({ id: mark, kind, points, label }, tag) => api.measure(id, mark, { kind, plane: "surface", points, label } as SurfaceBody, tag),
    drop: (mark) => api.unmeasure(id, mark),
    itemOf: ({ id: mark, kind, points, label }) => ({ id: mark, kind, points, label, own: false }),
  };
}

/** A saved view; its label is its name. */
export interface View extends Item {
  look: Look;
}

const named = (saved: ViewOfModel): View & Saved => ({ id: saved.id, label: saved.name, look: saved.look, etag: saved.etag });

export function ofViews(id: string, views: Signal<View[]>): Shelf<View, View & Saved> {
  return {
    items: views,
    words: VIEWS,
    list: async () => (await api.views(id)).map(named),
    put: async ({ id: view, label, look }, tag) => named(await api.saveView(id, view, { name: label, look }, tag)),
    drop: (view) => api.deleteView(id, view),
    itemOf: ({ id: view, label, look }) => ({ id: view, label, look }),
  };
}
