/** The slices of a result on a canvas, opened when a component is shown and closed when it goes. */
import { type RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import type { ResultState } from "../job/state";
import { listenToPointer } from "./pointer";
import { SliceView } from "./view";

interface Opened {
  canvas: RefObject<HTMLCanvasElement>;
  view: SliceView | null;
  problem: string;
}

/** Opens the revision of the job that `stateOf` has; `prepare` changes the view before its outlines are drawn. */
export function useSliceView(id: string, stateOf: () => ResultState, onOpen: (view: SliceView | null) => void, prepare?: (view: SliceView) => void): Opened {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<SliceView | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    let opened: SliceView | null = null;
    const begin = async (): Promise<void> => {
      const state = stateOf();
      const file = (name: string): Promise<ArrayBuffer> => api.bytes(api.file(id, name, state.revision), stop.signal);
      const [volume, labels] = await Promise.all([file("volume.nii.gz"), file("labels.nii.gz")]);
      if (!canvas.current || stop.signal.aborted) return;
      const next = await SliceView.open(canvas.current, volume, state);
      if (stop.signal.aborted) return next.close();
      opened = next;
      prepare?.(next);
      await next.setLabels(labels);
      setView(next);
      onOpen(next);
    };
    begin().catch((error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => {
      stop.abort();
      onOpen(null);
      opened?.close();
    };
  }, [id]);
  useEffect(() => (view && canvas.current ? listenToPointer(canvas.current, view) : undefined), [view]);
  return { canvas, view, problem };
}
