/** The slices with their tools. */
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../core/language";
import type { Corrections } from "../correct/corrections";
import { CorrectMenu } from "../correct/menu";
import { ProposalOutlines, Proposals } from "../correct/proposals";
import { DrawBar } from "../draw/bar";
import { DrawOverlay } from "../draw/overlay";
import type { ResultState } from "../job/state";
import { Problems, Spinner } from "../ui/parts";
import { say } from "../ui/status";
import { isMarkKind, markText, short } from "./marks";
import { useSliceView } from "./open";
import { Overlay } from "./overlay";
import { SliceTools } from "./toolbar";
import { isDrawTool, type SliceView } from "./view";

interface Props {
  id: string;
  state: ResultState;
  corrections: Corrections;
  onOpen: (view: SliceView | null) => void;
}

export function SlicesPanel({ id, state, corrections, onOpen }: Props) {
  const { canvas, view, problem } = useSliceView(id, () => state, onOpen);
  useEffect(() => (view ? effect(() => announce(view)) : undefined), [view]);
  useEffect(() => (view ? announceMarks(view) : undefined), [view]);
  return (
    <section class="viewer" aria-label={t("Slices")} data-view="slices">
      <SliceTools view={view} />
      <div class="stage" data-tool={view?.tool.value ?? "point"}>
        <canvas ref={canvas} tabIndex={0} role="application" aria-label={t("Slices with outlines. The question mark lists the keys.")} />
        {view && <Overlay view={view} />}
        {view && <DrawOverlay view={view} corrections={corrections} />}
        {view && <DrawBar view={view} corrections={corrections} />}
        {view && <ProposalOutlines view={view} corrections={corrections} />}
        {view && <Proposals view={view} corrections={corrections} />}
        {view && <CorrectMenu view={view} corrections={corrections} onClose={() => canvas.current?.focus({ preventScroll: true })} />}
        {!view && !problem && <Spinner text={t("Loading the scan")} />}
        <Problems text={problem} />
      </div>
      <Readout view={view} state={state} />
    </section>
  );
}

/** Reads out what no other part of the page says aloud. */
function announce(view: SliceView): void {
  const last = view.tool.value;
  if (last === "angle") say(t("Enter sets a point at the crosshair, the arrow keys move it. Enter sets the vertex and then the end; Escape ends."));
  else if (isMarkKind(last)) say(t("Enter sets a point at the crosshair, the arrow keys move it, Escape ends."));
  if (isDrawTool(last)) say(t("Enter draws at the crosshair. The brackets change the size."));
  if (last === "correct") say(t("Enter asks which organ the part at the crosshair is."));
}

/** Reads out what was measured, and that the first leg of an angle is set, until the function that is returned is called. */
function announceMarks(view: SliceView): () => void {
  let before = view.marks.peek();
  const ends = [
    effect(() => {
      const added = view.marks.value.find(({ id, own }) => own && !before.some((mark) => mark.id === id));
      if (added) say(t("Measured: {value}", { value: markText(view.volume, added) }));
      before = view.marks.value;
    }),
    effect(() => {
      const draft = view.draft.value;
      if (draft?.kind === "angle" && draft.points.length === 3 && draft.points[1] === draft.points[2]) say(t("The vertex is set. Now the end of the second leg."));
    }),
  ];
  return () => ends.forEach((end) => end());
}

export function Readout({ view, state }: { view: SliceView | null; state: ResultState | null }) {
  const lps = state?.place.value;
  if (!view || !state || !lps) return <p class="readout" />;
  const voxel = view.toVoxel(lps);
  const organ = state.byLabel(view.labelAt(voxel));
  const value = view.valueAt(voxel);
  const part = (at: number, plus: string, minus: string): string => `${at >= 0 ? plus : minus} ${Math.abs(at).toFixed(0)}`;
  const { number, count } = view.number(view.active.value);
  return (
    <p class="readout" aria-live={view.cine.value ? "off" : "polite"}>
      <strong>{organ ? (state.spoken(organ.name)?.title ?? t("An organ")) : t("No organ")}</strong>
      <span>{value === null ? "" : t("value {value}", { value: short(value) })}</span>
      <span>
        {part(lps[0], "L", "R")} {part(lps[1], "P", "A")} {part(lps[2], "S", "I")} mm
      </span>
      <span class="sr-only">{t("slice {number} of {count}", { number, count })}</span>
      {view.coarse && <span>{t("shown coarser than it is")}</span>}
    </p>
  );
}
