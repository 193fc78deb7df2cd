/** What people measured and marked on a result; the list and what it does are loaded when there is something. */
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import type { OrganStage } from "../scene/stage";
import type { SliceView } from "../slices/view";
import { Keeper } from "./keeper";
import { onSlices, onSurfaces, type Item, type Saved, type Shelf } from "./shelves";

const MarkPanel = lazy(() => import("./panel").then((module) => module.MarkPanel));

/** A keeper of a shelf, for as long as there is one. */
export function useKeeper<One extends Item, Stored extends Saved>(shelf: () => Shelf<One, Stored> | null, of: unknown[]): Keeper<One, Stored> | null {
  const [keeper, setKeeper] = useState<Keeper<One, Stored> | null>(null);
  useEffect(() => {
    const found = shelf();
    const started = found && new Keeper(found);
    setKeeper(started);
    return () => started?.close();
  }, of);
  return keeper;
}

export function MarkList({ id, view, stage }: { id: string; view: SliceView; stage: OrganStage | null }) {
  const slices = useKeeper(() => onSlices(id, view), [id, view]);
  const model = useKeeper(() => stage && onSurfaces(id, stage.measure.marks), [id, stage]);
  const problem = slices?.problem.value || model?.problem.value || "";
  const isEmpty = view.marks.value.length === 0 && !stage?.measure.marks.value.length;
  if (isEmpty && !problem) return null;
  const loaded = (slices?.loaded.value ?? false) && (model?.loaded.value ?? true);
  return (
    <Suspense fallback={null}>
      <MarkPanel id={id} view={view} stage={stage} problem={problem} loaded={loaded} />
    </Suspense>
  );
}
