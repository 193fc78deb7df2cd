/** One of two studies beside each other: its slices. */
import { t } from "../core/language";
import { when } from "../core/words";
import { ResultState } from "../job/state";
import { useSliceView } from "../slices/open";
import { Overlay } from "../slices/overlay";
import { Readout } from "../slices/panel";
import type { SliceView } from "../slices/view";
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
  const axial = (view: SliceView): void => void (view.layout.value = "axial");
  const { canvas, view, problem } = useSliceView(study.id, () => new ResultState(study.report), onOpen, axial);
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
