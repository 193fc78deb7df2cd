/** The measurements of a result; the list and what it does are loaded when there is one. */
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import type { SliceView } from "../slices/view";
import { Keeper } from "./keeper";

const MarkPanel = lazy(() => import("./panel").then((module) => module.MarkPanel));

export function MarkList({ id, view }: { id: string; view: SliceView }) {
  const [keeper, setKeeper] = useState<Keeper | null>(null);
  useEffect(() => {
    const made = new Keeper(id, view);
    setKeeper(made);
    return () => made.close();
  }, [id, view]);
  if (!keeper || (view.marks.value.length === 0 && !keeper.problem.value)) return null;
  return (
    <Suspense fallback={null}>
      <MarkPanel id={id} view={view} keeper={keeper} />
    </Suspense>
  );
}
