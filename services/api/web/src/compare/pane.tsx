/** One of two studies beside each other: its slices. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { when } from "../core/words";
import { ResultState } from "../job/state";
import { Overlay } from "../slices/overlay";
import { Readout } from "../slices/panel";
import { listenToPointer } from "../slices/pointer";
import { SliceView } from "../slices/view";
import { Problems, Spinner } from "../ui/parts";
import type { Study } from "./volumes";

interface Props {
  studies: readonly Study[];
  study: Study;
  /** 1 or 2. */
  number: number;
  /** Whether the tools act on this one. */
  leads: boolean;
  onOpen: (view: SliceView | null) => void;
  onChoose: (study: string) => void;
  /** It is pointed at, or keys go to it. */
  onUse: () => void;
}

export function Pane({ studies, study, number, leads, onOpen, onChoose, onUse }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<SliceView | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    let opened: SliceView | null = null;
    const begin = async (): Promise<void> => {
      const file = (name: string): Promise<ArrayBuffer> => api.bytes(api.file(study.id, name, study.report.revision), stop.signal);
      const [volume, labels] = await Promise.all([file("volume.nii.gz"), file("labels.nii.gz")]);
      if (!canvas.current || stop.signal.aborted) return;
      const made = await SliceView.open(canvas.current, volume, new ResultState(study.report));
      if (stop.signal.aborted) return made.close();
      opened = made;
      made.layout.value = "axial";
      await made.setLabels(labels);
      setView(made);
      onOpen(made);
    };
    begin().catch((error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => {
      stop.abort();
      onOpen(null);
      opened?.close();
    };
  }, [study.id]);
  useEffect(() => (view && canvas.current ? listenToPointer(canvas.current, view) : undefined), [view]);
  const name = `${study.title}, ${when(new Date(study.time).toISOString())}`;
  return (
    <section class={`viewer pane${leads ? " leads" : ""}`} aria-label={t("View {n}: {study}", { n: number, study: name })} onPointerDownCapture={onUse} onWheelCapture={onUse} onKeyDownCapture={onUse}>
      <header class="pane-head">
        <h2>
          <a href={`#/jobs/${study.id}`}>{name}</a>
        </h2>
        {studies.length > 2 && (
          <select aria-label={t("Study in view {n}", { n: number })} value={study.id} onChange={(event) => onChoose(event.currentTarget.value)}>
            {studies.map(({ id, title, time }) => (
              <option key={id} value={id}>
                {title}, {when(new Date(time).toISOString())}
              </option>
            ))}
          </select>
        )}
      </header>
      <div class="stage" data-tool={view?.tool.value ?? "point"}>
        <canvas ref={canvas} tabIndex={0} role="application" aria-label={t("View {n}: slices of {study}", { n: number, study: name })} />
        {view && <Overlay view={view} />}
        {!view && !problem && <Spinner text={t("Loading the scan")} />}
        <Problems text={problem} />
      </div>
      <Readout view={view} state={view?.state ?? null} />
    </section>
  );
}
